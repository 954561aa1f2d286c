// The receiving side of RFC 6455 for a server: frames in, messages out, nothing kept while idle.
#pragma once

#include "frame.hpp"

#include <boost/beast/websocket/detail/utf8_checker.hpp>
#include <string>
#include <string_view>

namespace martlet {

/// What the frames mean.
struct websocket_sink {
    virtual void on_message(const char *data, size_t count, bool text) = 0;
    virtual void on_ping(const char *data, size_t count) = 0;
    virtual void on_pong() = 0;
    virtual void on_close(uint16_t code, std::string_view reason) = 0;
    virtual void on_violation(uint16_t code, std::string_view reason) = 0;

protected:
    ~websocket_sink() = default;
};

class websocket {
public:
    explicit websocket(cb_ws_limits limits) : limits(limits) {}

    /// Reads frames, in any pieces; payloads are unmasked in place. Ends early when the sink was told of a violation
    /// or a close, after which no more input may come.
    void read(char *data, size_t count, websocket_sink &sink);

    const cb_ws_limits limits;
    bool close_sent = false, close_received = false, reported = false;

private:
    bool begin_frame(websocket_sink &sink);
    bool take_payload(char *data, size_t count, websocket_sink &sink);
    bool end_control(websocket_sink &sink);
    bool violate(websocket_sink &sink, uint16_t code, std::string_view reason);
    void unmask(char *data, size_t count);

    // The frame being read.
    uint8_t header_[14];
    uint8_t header_count_ = 0;
    bool in_payload_ = false;
    bool final_ = false;
    bool ended_ = false;
    opcode code_ = opcode::continuation;
    uint8_t mask_offset_ = 0;
    uint8_t mask_[4] = {};
    uint64_t left_ = 0;  // bytes of the payload still to come

    // The message being read, which fragments may interrupt with control frames.
    opcode message_code_ = opcode::continuation;  // continuation: no message is open
    std::string message_;
    std::string control_;
    boost::beast::websocket::detail::utf8_checker utf8_;
};

/// Whether a peer may send this code (RFC 6455 §7.4).
bool is_valid_close_code(uint16_t code);

}  // namespace martlet
