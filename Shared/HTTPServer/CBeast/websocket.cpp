#include "websocket.hpp"

#include <algorithm>
#include <cstring>

namespace martlet {

bool is_valid_close_code(uint16_t code) {
    if (code >= 3000) return code < 5000;
    if (code < 1000 || code > 1014) return false;
    return code != 1004 && code != 1005 && code != 1006;
}

void websocket::read(char *data, size_t count, websocket_sink &sink) {
    while (!ended_) {
        if (!in_payload_) {
            if (count == 0) return;
            // Two bytes say how long the header is.
            header_[header_count_++] = static_cast<uint8_t>(*data++);
            --count;
            if (header_count_ < 2) continue;
            const uint8_t length = header_[1] & 0x7f;
            const size_t needed = 2u + (length == 126 ? 2u : length == 127 ? 8u : 0u) + 4u;
            if (header_count_ == 2 && !begin_frame(sink)) return;
            if (header_count_ < needed) continue;
            left_ = length;
            if (length >= 126) {
                left_ = 0;
                for (size_t i = 2; i < needed - 4; ++i) left_ = left_ << 8 | header_[i];
            }
            const bool shortest = length < 126 || (length == 126 ? left_ > 125 : left_ > 0xffff);
            if (!shortest || left_ >> 63 != 0) return void(violate(sink, 1002, "bad length"));
            if (code_ < opcode::close && left_ + message_.size() > limits.message_bytes) {
                return void(violate(sink, 1009, "message too big"));
            }
            std::memcpy(mask_, header_ + needed - 4, 4);
            mask_offset_ = 0;
            header_count_ = 0;
            in_payload_ = true;
        }
        const size_t part = static_cast<size_t>(std::min<uint64_t>(left_, count));
        if (part == 0 && left_ > 0) return;
        unmask(data, part);
        left_ -= part;
        if (!take_payload(data, part, sink)) return;
        data += part;
        count -= part;
    }
}

/// Judges the first two bytes of a frame's header.
bool websocket::begin_frame(websocket_sink &sink) {
    final_ = header_[0] & 0x80;
    code_ = static_cast<opcode>(header_[0] & 0x0f);
    if (header_[0] & 0x70) return violate(sink, 1002, "reserved bit");
    if (!(header_[1] & 0x80)) return violate(sink, 1002, "unmasked frame");
    switch (code_) {
    case opcode::text:
    case opcode::binary:
        if (message_code_ != opcode::continuation) return violate(sink, 1002, "message inside a message");
        message_code_ = code_;
        utf8_.reset();
        return true;
    case opcode::continuation:
        return message_code_ != opcode::continuation || violate(sink, 1002, "continuation of nothing");
    case opcode::close:
    case opcode::ping:
    case opcode::pong:
        if (!final_ || (header_[1] & 0x7f) > 125) return violate(sink, 1002, "bad control frame");
        return true;
    default: return violate(sink, 1002, "unknown opcode");
    }
}

bool websocket::take_payload(char *data, size_t count, websocket_sink &sink) {
    const bool ends = left_ == 0;
    if (ends) in_payload_ = false;
    if (code_ >= opcode::close) {
        control_.append(data, count);
        return !ends || end_control(sink);
    }
    const bool text = message_code_ == opcode::text;
    // Checked as it comes, so that nonsense is refused before the message is complete.
    if (text && !utf8_.write(reinterpret_cast<const uint8_t *>(data), count)) return violate(sink, 1007, "invalid UTF-8");
    if (!ends || !final_) {
        message_.append(data, count);
        return true;
    }
    if (text && !utf8_.finish()) return violate(sink, 1007, "invalid UTF-8");
    message_code_ = opcode::continuation;
    if (message_.empty()) {
        sink.on_message(data, count, text);
    } else {
        message_.append(data, count);
        std::string message;
        message.swap(message_);
        sink.on_message(message.data(), message.size(), text);
    }
    return !ended_;
}

bool websocket::end_control(websocket_sink &sink) {
    std::string payload;
    payload.swap(control_);
    switch (code_) {
    case opcode::ping: sink.on_ping(payload.data(), payload.size()); return true;
    case opcode::pong: sink.on_pong(); return true;
    default: break;
    }
    if (payload.empty()) {
        ended_ = true;
        sink.on_close(1005, {});
        return false;
    }
    if (payload.size() < 2) return violate(sink, 1002, "bad close frame");
    const auto code = static_cast<uint16_t>(static_cast<uint8_t>(payload[0]) << 8 | static_cast<uint8_t>(payload[1]));
    if (!is_valid_close_code(code)) return violate(sink, 1002, "bad close code");
    boost::beast::websocket::detail::utf8_checker reason;
    if (!reason.write(reinterpret_cast<const uint8_t *>(payload.data()) + 2, payload.size() - 2) || !reason.finish()) {
        return violate(sink, 1007, "invalid UTF-8");
    }
    ended_ = true;
    sink.on_close(code, std::string_view(payload).substr(2));
    return false;
}

bool websocket::violate(websocket_sink &sink, uint16_t code, std::string_view reason) {
    ended_ = true;
    sink.on_violation(code, reason);
    return false;
}

void websocket::unmask(char *data, size_t count) {
    for (size_t i = 0; i < count; ++i) data[i] = static_cast<char>(data[i] ^ mask_[(mask_offset_ + i) & 3]);
    mask_offset_ = static_cast<uint8_t>((mask_offset_ + count) & 3);
}

}  // namespace martlet
