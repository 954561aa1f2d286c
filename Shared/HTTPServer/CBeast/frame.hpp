// Bytes that are written to a socket: immutable, shared by any number of them, also across loops.
#pragma once

#include "CBeast.h"

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstring>
#include <new>

/// The bytes follow the object, in one allocation; who makes it fills them before anybody else sees it.
struct cb_frame {
    static boost::intrusive_ptr<cb_frame> make(size_t count, bool control = false) {
        return new (operator new(sizeof(cb_frame) + count)) cb_frame(count, control);
    }

    char *data() { return reinterpret_cast<char *>(this + 1); }
    size_t size() const { return size_; }

    const bool is_control;

private:
    cb_frame(size_t count, bool control) : is_control(control), size_(count) {}

    std::atomic<uint32_t> references_{0};
    const size_t size_;

    friend void intrusive_ptr_add_ref(cb_frame *frame) { frame->references_.fetch_add(1, std::memory_order_relaxed); }
    friend void intrusive_ptr_release(cb_frame *frame) {
        // The last owner has no other to wait for: a frame for one connection costs no locked instruction.
        if (frame->references_.load(std::memory_order_acquire) == 1
            || frame->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            frame->~cb_frame();
            operator delete(frame);
        }
    }
};

namespace martlet {

using frame_ptr = boost::intrusive_ptr<cb_frame>;

enum class opcode : uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// One unmasked, unfragmented frame as servers send them (RFC 6455 §5.2).
inline frame_ptr make_frame(opcode code, const void *payload, size_t count) {
    // The length takes 7 bits, or two or eight bytes after a mark.
    const int length_bytes = count < 126 ? 0 : count <= 0xffff ? 2 : 8;
    auto frame = cb_frame::make(2 + static_cast<size_t>(length_bytes) + count, code >= opcode::close);
    char *at = frame->data();
    *at++ = static_cast<char>(0x80 | static_cast<uint8_t>(code));
    *at++ = static_cast<char>(length_bytes == 0 ? count : length_bytes == 2 ? 126 : 127);
    for (int i = length_bytes - 1; i >= 0; --i) *at++ = static_cast<char>(static_cast<uint64_t>(count) >> (8 * i));
    if (count > 0) std::memcpy(at, payload, count);
    return frame;
}

}  // namespace martlet
