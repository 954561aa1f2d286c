#include "connection.hpp"

#include <algorithm>
#include <cstring>

namespace asio = martlet::asio;
using martlet::connection_ptr;
using martlet::error_code;
using martlet::frame_ptr;
using martlet::make_frame;
using martlet::opcode;

namespace {

/// Answers up to this size wait for the end of the batch.
constexpr size_t copied_at_most = 16 * 1024;

/// More than this of unsent bytes, and a ping is not answered: the peer does not read.
constexpr size_t pong_room = 64 * 1024;

cb_bytes view(const char *data, size_t count) { return {reinterpret_cast<const uint8_t *>(data), count}; }

/// A line feed that does not follow a carriage return. Beast waits for the CRLF instead; a client that ends its lines
/// so would wait with it until the deadline.
bool has_bare_line_feed(const char *data, size_t count) {
    for (auto at = data; (at = static_cast<const char *>(std::memchr(at, '\n', static_cast<size_t>(data + count - at)))); ++at) {
        if (at == data || at[-1] != '\r') return true;
    }
    return false;
}

/// Whether a request line that Beast refused for its version is well formed but for the number.
bool names_another_version(std::string_view input) {
    auto line = input.substr(0, input.find('\n'));
    if (line.size() < 10 || line.back() != '\r') return false;
    line.remove_suffix(1);
    const auto version = line.substr(line.size() - 9);
    return version.starts_with(" HTTP/") && isdigit(version[6]) && version[7] == '.' && isdigit(version[8]);
}

}  // namespace

cb_connection::cb_connection(cb_loop &loop, martlet::tcp_socket socket) : loop_(loop), socket_(std::move(socket)) {}

void cb_connection::begin(const char *address) {
    place = loop_.connections.size();
    loop_.connections.push_back(this);
    intrusive_ptr_add_ref(this);  // the loop's own; given back by `bury`
    deadline_ = loop_.now + loop_.limits.header_ms;
    peer_ = loop_.callbacks.accepted(loop_.swift, this, address);
    read_soon();
}

// Reading

void cb_connection::read_soon() {
    if (reading_ || half_closed_ || phase_ == phase::closed) return;
    if (phase_ == phase::body && paused_) return;
    const bool waits = phase_ == phase::answering || (phase_ == phase::idle && !out_.empty());
    if (waits && held_.size() >= loop_.limits.pipelined_bytes) return;
    reading_ = true;
    if (phase_ == phase::websocket) http_.reset();
    // A read that is filled only in part leaves the socket armed: unlike a wait, it costs no epoll_ctl.
    socket_.async_read_some(asio::buffer(first().data(), first().size()), [self = connection_ptr(this)](error_code ec, size_t count) {
        self->reading_ = false;
        if (ec == asio::error::operation_aborted || self->phase_ == phase::closed) return;
        self->loop_.batch([&] { self->readable(ec, count); });
    });
}

void cb_connection::readable(error_code ec, size_t count) {
    if (ec == asio::error::interrupted) return read_soon();
    if (ec == asio::error::eof) return end_of_input();
    if (ec) return lost();
    auto &input = loop_.input;
    memcpy(input.data(), first().data(), count);
    // There may be more: an end or an error found here is found again by the next read.
    if (count == first().size()) count += socket_.read_some(asio::buffer(input) + count, ec);
    switch (phase_) {
    case phase::lingering: break;
    case phase::closed: return;
    case phase::websocket:
        heard_ = loop_.now;
        pinged_ = -1;
        websocket_->read(input.data(), count, *this);
        break;
    default: process(input.data(), count);
    }
    read_soon();
}

void cb_connection::end_of_input() {
    half_closed_ = true;
    switch (phase_) {
    case phase::idle:
        if (out_.empty()) lost();
        else if (held_.empty()) linger();
        break;
    case phase::head: refuse(CB_MALFORMED, "the request ended in its head"); break;
    case phase::body: refuse(CB_MALFORMED, "the request ended in its body"); break;
    case phase::answering:
        if (held_.empty()) last_request();
        break;
    case phase::websocket: lost(); break;
    case phase::lingering:
        if (out_.empty()) lost();
        break;
    case phase::closed: break;
    }
}

/// The client stopped sending, and this is the last request of those that it had sent.
void cb_connection::last_request() {
    half_closed_since_ = loop_.now;
    loop_.callbacks.half_closed(peer_);
}

/// Reads requests from what is held and `data`, one at a time: the next only when the last is answered and written.
void cb_connection::process(const char *data, size_t count) {
    const bool holding = !held_.empty();
    if (holding) {
        held_.append(data, count);
        data = held_.data();
        count = held_.size();
    }
    size_t used = 0;
    while (used < count) {
        const bool reads = (phase_ == phase::idle && out_.empty()) || phase_ == phase::head
            || (phase_ == phase::body && !paused_);
        if (!reads) break;
        const size_t taken = read_message(data + used, count - used);
        if (taken == 0) break;
        used += taken;
    }
    if (phase_ == phase::lingering || phase_ == phase::closed) used = count;
    if (holding) held_.erase(0, used);
    else held_.assign(data + used, count - used);
    if (held_.empty() && held_.capacity() > 1024) held_ = {};
    if (half_closed_ && held_.empty() && phase_ == phase::answering) last_request();
}

size_t cb_connection::read_message(const char *data, size_t count) {
    return phase_ == phase::body ? read_body(data, count) : read_head(data, count);
}

size_t cb_connection::read_head(const char *data, size_t count) {
    if (phase_ == phase::idle) {
        // A line end left over from the request before (RFC 9112 §2.2).
        if (data[0] == '\r' && count == 1) return 0;
        if (data[0] == '\r' && data[1] == '\n') return 2;
        phase_ = phase::head;
        deadline_ = loop_.now + loop_.limits.header_ms;
        head_bytes_ = 0;
        http_->parser.emplace(*this, loop_.limits, loop_.head_buffers);
    }
    error_code ec;
    const size_t taken = http_->parser->feed(data, count, ec);
    head_bytes_ += taken;
    const size_t left = count - taken;
    const bool too_large = ec == martlet::http::error::header_limit
        || head_bytes_ + (ec == martlet::http::error::need_more ? left : 0) > loop_.limits.header_bytes;
    if (too_large) {
        const bool line = http_->parser->has_request_line();
        refuse(line ? CB_HEADER_TOO_LARGE : CB_TARGET_TOO_LONG, line ? "header fields too large" : "target too long");
        return count;
    }
    if (ec == martlet::http::error::need_more) {
        if (has_bare_line_feed(data + taken, left)) refuse(CB_MALFORMED, "bare line feed");
        return taken;
    }
    if (ec) {
        const bool version = ec == martlet::http::error::bad_version && names_another_version({data, count});
        refuse(version ? CB_VERSION_NOT_SUPPORTED : CB_MALFORMED, version ? "HTTP version not supported" : "malformed head");
        return count;
    }
    if (const char *objection = http_->parser->objection()) {
        refuse(CB_MALFORMED, objection);
        return count;
    }
    if (http_->parser->expects_unknown()) {
        refuse(CB_EXPECTATION_FAILED, "unknown expectation");
        return count;
    }
    const auto head = http_->parser->head();
    keep_ = head.keep_alive;
    paused_ = false;
    // From here the peer may answer; what it does not read of the body is not read at all.
    phase_ = head.whole ? phase::answering : phase::body;
    if (head.whole) deadline_ = -1;
    const int64_t limit = loop_.callbacks.head(peer_, &head);
    if (http_->parser) http_->parser->return_buffers(loop_.head_buffers);  // else it was answered at once
    if (phase_ != phase::body) return taken;
    if (limit < 0) {
        phase_ = phase::answering;
        keep_ = false;
        return count;
    }
    deadline_ = loop_.now + loop_.limits.body_idle_ms;
    http_->parser->limit_body(static_cast<uint64_t>(limit));
    http_->parser->eager(true);
    if (http_->parser->expects_continue() && left == 0 && !head.http10) {
        static constexpr std::string_view proceed = "HTTP/1.1 100 Continue\r\n\r\n";
        write(view(proceed.data(), proceed.size()), {});
    }
    return taken;
}

size_t cb_connection::read_body(const char *data, size_t count) {
    // No chunked body ends in fewer bytes than "0\r\n\r\n"; Beast asserts that it is not asked again with less.
    if (http_->parser->chunked() && count < 5) return 0;
    error_code ec;
    const size_t taken = http_->parser->feed(data, count, ec);
    if (phase_ != phase::body) return count;
    deadline_ = loop_.now + loop_.limits.body_idle_ms;
    if (ec == martlet::http::error::need_more) {
        // Only chunk headers and trailers are waited for whole.
        if (count - taken > loop_.limits.header_bytes) refuse(CB_MALFORMED, "chunk header too large");
        else if (has_bare_line_feed(data + taken, count - taken)) refuse(CB_MALFORMED, "bare line feed");
        return taken;
    }
    if (http_->parser->body_too_large()) {
        refuse(CB_BODY_TOO_LARGE, "body too large");
        return count;
    }
    if (ec) {
        refuse(CB_MALFORMED, "malformed body");
        return count;
    }
    if (http_->parser->is_done()) message_complete();
    return taken;
}

bool cb_connection::on_body(const char *data, size_t count) {
    if (phase_ != phase::body) return false;
    loop_.callbacks.body(peer_, view(data, count));
    return phase_ == phase::body;
}

void cb_connection::message_complete() {
    phase_ = phase::answering;
    deadline_ = -1;
    loop_.callbacks.complete(peer_);
}

void cb_connection::refuse(cb_failure failure, const char *reason) {
    phase_ = phase::answering;
    deadline_ = -1;
    keep_ = false;
    loop_.callbacks.failed(peer_, failure, reason);
}

void cb_connection::resume_soon() {
    if (in_resume || phase_ == phase::closed) return;
    in_resume = true;
    loop_.to_resume.emplace_back(this);
}

/// The next request may be there already; else it is being waited for.
void cb_connection::go_on() {
    if (!held_.empty() || !reading_) resume_soon();
}

void cb_connection::resume() {
    if (phase_ == phase::closed) return;
    if (phase_ == phase::websocket) {
        std::string held;
        held.swap(held_);
        if (!held.empty()) websocket_->read(held.data(), held.size(), *this);
    } else if (!held_.empty()) {
        process(nullptr, 0);
    }
    read_soon();
}

void cb_connection::pause(bool paused) {
    if (paused_ == paused) return;
    paused_ = paused;
    if (phase_ != phase::body) return;
    // While the reader makes the client wait, the client is not late.
    deadline_ = paused ? -1 : loop_.now + loop_.limits.body_idle_ms;
    if (!paused) resume_soon();
}

void cb_connection::set_deadline(int64_t milliseconds) {
    handler_deadline_ = milliseconds < 0 ? -1 : loop_.now + milliseconds;
}

// Writing

int64_t cb_connection::write(cb_bytes first, cb_bytes second) {
    if (phase_ == phase::closed || shut_) return -1;
    size_t written = 0;
    // What is small leaves at the end of the batch; what is not is not copied when the socket takes it.
    if (out_.empty() && first.count + second.count > copied_at_most) {
        const std::array<asio::const_buffer, 2> parts{asio::const_buffer(first.data, first.count),
                                                      asio::const_buffer(second.data, second.count)};
        error_code ec;
        written = socket_.write_some(parts, ec);
        if (ec && ec != asio::error::would_block) {
            lost();
            return -1;
        }
        if (written == first.count + second.count) return 0;
    }
    const size_t from_first = std::min(written, first.count), from_second = written - from_first;
    const auto rest = cb_frame::make(first.count + second.count - written);
    if (first.count > from_first) memcpy(rest->data(), first.data + from_first, first.count - from_first);
    if (second.count > from_second) {
        memcpy(rest->data() + first.count - from_first, second.data + from_second, second.count - from_second);
    }
    queue(rest);
    if (out_.bytes() > loop_.limits.write_high) wants_room_ = true;
    return static_cast<int64_t>(out_.bytes());
}

void cb_connection::queue(frame_ptr frame) {
    if (out_.empty()) stalled_since_ = loop_.now;
    out_.push(std::move(frame));
    flush_soon();
}

void cb_connection::flush_soon() {
    if (in_flush || writing_ || phase_ == phase::closed) return;
    in_flush = true;
    loop_.to_flush.emplace_back(this);
}

void cb_connection::flush() {
    if (phase_ == phase::closed || writing_) return;
    while (!out_.empty()) {
        error_code ec;
        size_t written;
        if (out_.count() == 1) {
            written = socket_.write_some(out_.first(), ec);
        } else {
            std::array<asio::const_buffer, martlet::out_queue::gather> room;
            written = socket_.write_some(out_.front(room), ec);
        }
        if (ec == asio::error::would_block) {
            write_soon();
            break;
        }
        if (ec) return lost();
        out_.consume(written);
        stalled_since_ = loop_.now;
    }
    written();
}

void cb_connection::write_soon() {
    writing_ = true;
    socket_.async_wait(martlet::tcp_socket::wait_write, [self = connection_ptr(this)](error_code ec) {
        self->writing_ = false;
        if (ec || self->phase_ == phase::closed) return;
        self->loop_.batch([&] { self->flush(); });
    });
}

/// Some bytes left: tells who waits for that.
void cb_connection::written() {
    if (phase_ == phase::websocket) {
        if (wants_room_ && out_.bytes() <= websocket_->limits.low_mark) {
            wants_room_ = false;
            if (!websocket_->close_sent) loop_.callbacks.ws_drained(peer_);
        }
    } else if (wants_room_ && !websocket_ && out_.bytes() <= loop_.limits.write_low) {
        wants_room_ = false;
        loop_.callbacks.writable(peer_);
    }
    if (!out_.empty()) return;
    stalled_since_ = -1;
    if (phase_ == phase::lingering) linger();
    else if (phase_ == phase::idle) go_on();
}

void cb_connection::finish(bool keep) {
    if (phase_ == phase::closed || phase_ == phase::lingering) return;
    handler_deadline_ = -1;
    half_closed_since_ = -1;
    const bool whole = phase_ == phase::answering;
    if (!keep || !keep_ || !whole || loop_.draining || (half_closed_ && held_.empty())) return linger();
    phase_ = phase::idle;
    http_->parser.reset();
    deadline_ = loop_.now + loop_.limits.keep_alive_ms;
    go_on();
}

void cb_connection::linger() {
    phase_ = phase::lingering;
    handler_deadline_ = -1;
    half_closed_since_ = -1;
    deadline_ = -1;
    held_ = {};
    if (!out_.empty()) return read_soon();
    if (half_closed_) return lost();
    if (!shut_) {
        shut_ = true;
        error_code ec;
        socket_.shutdown(martlet::tcp_socket::shutdown_send, ec);
        if (ec) return lost();
    }
    deadline_ = loop_.now + loop_.limits.linger_ms;
    read_soon();
}

// Ending

void cb_connection::abort() { lost(); }

void cb_connection::lost() {
    if (phase_ == phase::closed) return;
    phase_ = phase::closed;
    in_bury = true;
    loop_.to_bury.emplace_back(this);
}

/// Tells Swift that the transport is gone, as the last thing that happens to a connection.
void cb_connection::bury() {
    error_code ignored;  // closing frees the descriptor whatever it reports
    socket_.close(ignored);
    if (websocket_) {
        report_websocket_closed(1006, loss_);
        loop_.callbacks.released(peer_, true);
    } else {
        loop_.callbacks.closed(peer_);
        loop_.callbacks.released(peer_, false);
    }
    peer_ = nullptr;
    loop_.connections.back()->place = place;
    std::swap(loop_.connections[place], loop_.connections.back());
    loop_.connections.pop_back();
    intrusive_ptr_release(this);
}

void cb_connection::check(int64_t now) {
    if (phase_ == phase::closed) return;
    if (phase_ == phase::websocket) {
        if (deadline_ >= 0 && now >= deadline_) {
            loss_ = "close handshake timed out";
            return lost();
        }
        if (websocket_->close_sent) return;
        const bool moves = !out_.empty() && now - stalled_since_ < loop_.limits.pong_ms;
        if (pinged_ >= 0 && now - pinged_ >= loop_.limits.pong_ms && !moves) {
            loss_ = "no answer to a ping";
            return lost();
        }
        if (pinged_ < 0 && now - heard_ >= loop_.limits.ping_ms) ping();
        return;
    }
    if (!out_.empty() && now - stalled_since_ >= loop_.limits.write_stall_ms) return lost();
    if (handler_deadline_ >= 0 && now >= handler_deadline_) {
        handler_deadline_ = -1;
        loop_.callbacks.deadline(peer_);
    }
    if (half_closed_since_ >= 0 && !abandoned_ && now - half_closed_since_ >= loop_.limits.half_close_ms) {
        abandoned_ = true;
        loop_.callbacks.abandoned(peer_);
    }
    if (deadline_ < 0 || now < deadline_) return;
    deadline_ = -1;
    switch (phase_) {
    case phase::head: refuse(CB_TOO_SLOW, "the head took too long"); break;
    case phase::body: refuse(CB_TOO_SLOW, "the body took too long"); break;
    case phase::answering: break;
    default: lost();
    }
}

void cb_connection::drain() {
    switch (phase_) {
    case phase::idle: linger(); break;
    case phase::websocket: loop_.callbacks.ws_stopping(peer_); break;
    case phase::body:
    case phase::answering: loop_.callbacks.stopping(peer_); break;
    default: break;
    }
}

// WebSocket

bool cb_connection::upgrade(cb_bytes response, cb_ws_limits limits, void *peer) {
    if (phase_ != phase::answering || half_closed_ || write(response, {}) < 0) return false;
    websocket_ = std::make_unique<martlet::websocket>(limits);
    http_->parser.reset();
    peer_ = peer;
    phase_ = phase::websocket;
    deadline_ = handler_deadline_ = -1;
    wants_room_ = false;
    heard_ = loop_.now;
    // What waits should wait here, where it can still be dropped, and not in the kernel.
    error_code ignored;  // a hint only
    socket_.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>(16 * 1024), ignored);
    resume_soon();
    return true;
}

size_t cb_connection::send(frame_ptr frame) {
    if (phase_ != phase::websocket || websocket_->close_sent) return out_.bytes();
    if (out_.bytes() + frame->size() > websocket_->limits.queued_bytes) {
        loss_ = "too much waited to be sent";
        lost();
        return out_.bytes();
    }
    queue(std::move(frame));
    if (out_.bytes() > websocket_->limits.low_mark) wants_room_ = true;
    return out_.bytes();
}

/// False, and the connection is held from here, when more than `limit` waits already.
bool cb_connection::send_marked(const frame_ptr &frame, cb_mark mark, size_t limit) {
    if (phase_ != phase::websocket || websocket_->close_sent) return true;
    if (out_.bytes() > limit) {
        is_held_ = true;
        return false;
    }
    if (out_.empty()) left_ = last_;
    last_ = mark;
    send(frame);
    return true;
}

void cb_connection::drop_queued() {
    // What is thrown away has not left, although the queue may be empty after this.
    last_ = left();
    out_.drop_unbegun();
}

void cb_connection::ping() {
    if (phase_ != phase::websocket || websocket_->close_sent) return;
    if (pinged_ < 0) pinged_ = loop_.now;
    queue(make_frame(opcode::ping, nullptr, 0));
}

void cb_connection::close_websocket(uint16_t code, std::string_view reason, int64_t within) {
    if (phase_ != phase::websocket || websocket_->close_sent) return;
    push_close(code, reason);
    deadline_ = loop_.now + within;
}

void cb_connection::push_close(uint16_t code, std::string_view reason) {
    websocket_->close_sent = true;
    std::string payload;
    if (code != 1005) {
        payload.push_back(static_cast<char>(code >> 8));
        payload.push_back(static_cast<char>(code));
        payload.append(reason.substr(0, 123));
    }
    queue(make_frame(opcode::close, payload.data(), payload.size()));
}

void cb_connection::on_message(const char *data, size_t count, bool text) {
    if (phase_ == phase::websocket && !websocket_->close_sent) loop_.callbacks.ws_message(peer_, view(data, count), text);
}

void cb_connection::on_ping(const char *data, size_t count) {
    if (phase_ != phase::websocket || websocket_->close_sent || out_.bytes() > pong_room) return;
    queue(make_frame(opcode::pong, data, count));
}

void cb_connection::on_pong() {}

void cb_connection::on_close(uint16_t code, std::string_view reason) {
    if (phase_ != phase::websocket) return;
    websocket_->close_received = true;
    if (!websocket_->close_sent) push_close(code, {});
    report_websocket_closed(code, reason);
    if (phase_ == phase::websocket) linger();
}

void cb_connection::on_violation(uint16_t code, std::string_view reason) {
    if (phase_ != phase::websocket) return;
    if (!websocket_->close_sent) push_close(code, reason);
    report_websocket_closed(code, reason);
    if (phase_ == phase::websocket) linger();
}

void cb_connection::report_websocket_closed(uint16_t code, std::string_view reason) {
    if (websocket_->reported) return;
    websocket_->reported = true;
    loop_.callbacks.ws_closed(peer_, code, view(reason.data(), reason.size()));
}
