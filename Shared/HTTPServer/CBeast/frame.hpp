// Bytes that are written to a socket: immutable, shared by any number of them, also across loops.
#pragma once

#include "CBeast.h"

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <string>

struct cb_frame {
    explicit cb_frame(std::string content, bool control = false) : bytes(std::move(content)), is_control(control) {}

    const std::string bytes;
    const bool is_control;
    std::atomic<uint32_t> references{0};
};

inline void intrusive_ptr_add_ref(cb_frame *frame) { frame->references.fetch_add(1, std::memory_order_relaxed); }
inline void intrusive_ptr_release(cb_frame *frame) {
    if (frame->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete frame;
}

namespace martlet {

using frame_ptr = boost::intrusive_ptr<cb_frame>;

enum class opcode : uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// One unmasked, unfragmented frame as servers send them (RFC 6455 §5.2).
inline frame_ptr make_frame(opcode code, const void *payload, size_t count) {
    std::string bytes;
    bytes.reserve(count + 10);
    bytes.push_back(static_cast<char>(0x80 | static_cast<uint8_t>(code)));
    if (count < 126) {
        bytes.push_back(static_cast<char>(count));
    } else if (count <= 0xffff) {
        bytes.push_back(126);
        bytes.push_back(static_cast<char>(count >> 8));
        bytes.push_back(static_cast<char>(count));
    } else {
        bytes.push_back(127);
        for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(static_cast<uint64_t>(count) >> shift));
    }
    bytes.append(static_cast<const char *>(payload), count);
    return new cb_frame(std::move(bytes), code >= opcode::close);
}

}  // namespace martlet
