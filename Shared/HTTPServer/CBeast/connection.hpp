// One accepted socket: reading, writing, deadlines; HTTP first, WebSocket after an upgrade.
//
//               head came            whole body came            response written, keep-alive
//   idle ──▶ head ─────▶ body ──────────────────────▶ answering ─────────────────────────────▶ idle
//              │           │                             │ upgrade            │ close
//              │ unreadable │ unreadable                 ▼                    ▼
//              └───────────┴──────────▶ answering    websocket ─────────▶ lingering ──▶ closed
//
// Lingering sends what is queued, shuts the sending side and throws away what still comes, for a short time: closing a
// socket with unread input would reset the connection and could destroy the answer on its way (RFC 9112 §9.6).
#pragma once

#include "loop.hpp"
#include "out_queue.hpp"
#include "request_parser.hpp"
#include "websocket.hpp"

#include <array>
#include <memory>
#include <optional>
#include <span>

struct cb_connection final : martlet::body_sink, martlet::websocket_sink {
    enum class phase : uint8_t { idle, head, body, answering, websocket, lingering, closed };

    cb_connection(cb_loop &loop, martlet::tcp_socket socket);

    void begin(const char *address);

    // Called from Swift, in the loop.
    int64_t write(cb_bytes first, cb_bytes second);
    void finish(bool keep);
    void abort();
    void pause(bool paused);
    void set_deadline(int64_t milliseconds);
    bool upgrade(cb_bytes response, cb_ws_limits limits, void *peer);
    size_t send(martlet::frame_ptr frame);
    bool send_marked(const martlet::frame_ptr &frame, cb_mark mark, size_t limit);
    bool is_held() const { return is_held_; }
    void hold(bool held) { is_held_ = held; }
    cb_mark left() const { return out_.empty() ? last_ : left_; }
    void drop_queued();
    void ping();
    void close_websocket(uint16_t code, std::string_view reason, int64_t within);
    int64_t stalled() const { return out_.empty() ? -1 : loop_.now - stalled_since_; }
    const martlet::out_queue &queue() const { return out_; }

    // Called by the loop.
    void resume();
    void flush();
    void bury();
    void check(int64_t now);
    void drain();

    void prefetch() const {
        const auto *start = reinterpret_cast<const char *>(this);
        for (size_t line = 0; line < 256; line += 64) __builtin_prefetch(start + line);
    }

    cb_loop &loop() const { return loop_; }

    size_t place = 0;  // in the loop's list
    bool in_resume = false, in_flush = false, in_bury = false;

private:
    // One request.
    void process(const char *data, size_t count);
    size_t read_message(const char *data, size_t count);
    size_t read_head(const char *data, size_t count);
    size_t read_body(const char *data, size_t count);
    void refuse(cb_failure failure, const char *reason);
    void message_complete();
    bool on_body(const char *data, size_t count) override;

    // WebSocket
    void on_message(const char *data, size_t count, bool text) override;
    void on_ping(const char *data, size_t count) override;
    void on_pong() override;
    void on_close(uint16_t code, std::string_view reason) override;
    void on_violation(uint16_t code, std::string_view reason) override;
    void report_websocket_closed(uint16_t code, std::string_view reason);
    void push_close(uint16_t code, std::string_view reason);

    // Transport
    void read_soon();
    /// What a pending read fills; the rest goes to the loop's buffer.
    std::span<char> first() { return http_ ? std::span<char>(http_->first) : std::span<char>(little_); }
    void readable(boost::system::error_code ec, size_t count);
    void end_of_input();
    void last_request();
    void write_soon();
    void queue(martlet::frame_ptr frame);
    void flush_soon();
    void resume_soon();
    void go_on();
    void linger();
    void lost();
    void written();

    // What a broadcast touches lies together: with thousands of sockets each line comes from memory.
    cb_loop &loop_;
    martlet::tcp_socket socket_;
    martlet::out_queue out_;
    int64_t stalled_since_ = -1;    // when bytes last left while some wait
    phase phase_ = phase::idle;
    bool reading_ = false, writing_ = false, paused_ = false;
    bool wants_room_ = false;       // more than the low mark waited, and somebody is told when it no longer does
    bool is_held_ = false;            // WebSocket: gets nothing through audiences
    bool keep_ = false, half_closed_ = false;
    bool shut_ = false, abandoned_ = false;
    uint32_t references_ = 0;       // touched in the loop only
    std::unique_ptr<martlet::websocket> websocket_;
    cb_mark last_{};                // WebSocket: of the last marked frame,
    cb_mark left_{};                // and of one that has left, with all before it

    void *peer_ = nullptr;
    int64_t deadline_ = -1;         // of the phase
    int64_t handler_deadline_ = -1;
    int64_t half_closed_since_ = -1;
    int64_t heard_ = 0;             // WebSocket: when bytes last came
    int64_t pinged_ = -1;           // WebSocket: when the unanswered ping left
    uint32_t head_bytes_ = 0;
    std::string held_;              // input not yet understood: part of a head, or requests sent ahead
    std::string_view loss_ = "connection lost";  // why the transport was given up, for `closed`
    /// What only HTTP needs: a WebSocket has none of it.
    struct http_input {
        std::array<char, 512> first;
        std::optional<martlet::request_parser> parser;
    };
    std::unique_ptr<http_input> http_ = std::make_unique<http_input>();
    std::array<char, 32> little_;

    friend void intrusive_ptr_add_ref(cb_connection *);
    friend void intrusive_ptr_release(cb_connection *);
};

inline void intrusive_ptr_add_ref(cb_connection *connection) { ++connection->references_; }
inline void intrusive_ptr_release(cb_connection *connection) {
    if (--connection->references_ == 0) delete connection;
}
