// Beast's incremental parser, and the refusals it leaves to its user.
#pragma once

#include "head_buffers.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace martlet {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

/// Takes the body's bytes as they come; false refuses the rest.
struct body_sink {
    virtual bool on_body(const char *data, size_t count) = 0;

protected:
    ~body_sink() = default;
};

/// Reads one request. Fields are copied into one text, so that the input may be thrown away.
class request_parser final : public http::basic_parser<true> {
public:
    request_parser(body_sink &sink, const cb_limits &limits, head_buffers &buffers)
        : sink_(sink), text_(std::move(buffers.text)), fields_(std::move(buffers.fields)),
          fields_limit_(limits.header_fields) {
        text_.clear();
        fields_.clear();
        header_limit(limits.header_bytes);
        // The route decides the limit, and it is known only after the header.
        body_limit(boost::none);
    }

    /// Feeds the parser; returns how many bytes it took.
    size_t feed(const char *data, size_t count, error_code &ec) {
        input_end_ = data + count;
        return put(boost::asio::const_buffer(data, count), ec);
    }

    /// After this the head cannot be asked for again.
    void return_buffers(head_buffers &buffers) {
        buffers.text = std::move(text_);
        buffers.fields = std::move(fields_);
    }

    bool has_request_line() const { return method_count_ > 0; }
    void limit_body(uint64_t bytes) { body_bytes_ = bytes; }
    bool body_too_large() const { return body_too_large_; }
    bool too_many_fields() const { return too_many_fields_; }
    bool expects_continue() const { return expect_ == expectation::proceed; }
    bool expects_unknown() const { return expect_ == expectation::unknown; }

    cb_head head() const {
        cb_head head{};
        head.text = {reinterpret_cast<const uint8_t *>(text_.data()), text_.size()};
        head.method_count = method_count_;
        head.target_offset = method_count_;
        head.target_count = target_count_;
        head.fields = fields_.data();
        head.field_count = fields_.size();
        const auto length = content_length();
        head.content_length = length ? static_cast<int64_t>(*length) : -1;
        head.chunked = chunked();
        head.keep_alive = keep_alive();
        head.http10 = version_ < 11;
        head.whole = is_done();
        return head;
    }

    /// What RFC 9112 asks to refuse and Beast lets pass: each line here is a way to make two servers disagree about
    /// where a request ends (§6.1, §6.3), or for whom it is (§3.2). Null when the head is sound.
    const char *objection() const {
        if (version_ < 11 && chunked()) return "chunked body in HTTP/1.0";
        if (transfer_encodings_ > 1 || (transfer_encodings_ == 1 && !chunked())) return "unsupported transfer encoding";
        if (chunked() && content_lengths_ > 0) return "both a length and a transfer encoding";
        if (content_lengths_ > 1 || list_of_lengths_) return "more than one content length";
        if (hosts_ > 1 || (version_ == 11 && hosts_ == 0)) return "exactly one host is needed";
        if (folded_) return "folded header field";
        if (bad_value_) return "control character in a header field";
        const auto length = content_length();
        if (length && *length > static_cast<uint64_t>(INT64_MAX)) return "content length out of range";
        return nullptr;
    }

private:
    enum class expectation { none, proceed, unknown };

    void on_request_impl(http::verb, string_view method, string_view target, int version, error_code &) override {
        text_.reserve(512);
        fields_.reserve(16);
        text_.append(method.data(), method.size());
        text_.append(target.data(), target.size());
        method_count_ = static_cast<uint32_t>(method.size());
        target_count_ = static_cast<uint32_t>(target.size());
        version_ = version;
    }

    void on_response_impl(int, string_view, int, error_code &) override {}

    void on_field_impl(http::field name, string_view text, string_view value, error_code &ec) override {
        // A trailer must not pass for a header field.
        if (is_header_done()) return;
        if (fields_.size() >= fields_limit_) {
            too_many_fields_ = true;
            ec = http::error::header_limit;
            return;
        }
        switch (name) {
        case http::field::host: ++hosts_; break;
        case http::field::content_length:
            ++content_lengths_;
            list_of_lengths_ |= value.find(',') != string_view::npos;
            break;
        case http::field::transfer_encoding: ++transfer_encodings_; break;
        case http::field::expect:
            expect_ = boost::beast::iequals(value, "100-continue") ? expectation::proceed : expectation::unknown;
            break;
        default: break;
        }
        for (const char c : value) {
            const auto byte = static_cast<unsigned char>(c);
            bad_value_ |= (byte < 0x20 && byte != '\t') || byte == 0x7f;
        }
        const auto start = static_cast<uint32_t>(text_.size());
        text_.append(text.data(), text.size());
        text_.append(value.data(), value.size());
        fields_.push_back({start, static_cast<uint32_t>(text.size()), start + static_cast<uint32_t>(text.size()),
                           static_cast<uint32_t>(value.size())});
        folded_ |= is_folded(text.data() + text.size() + 1, value.data());
    }

    /// An unfolded value follows its name's colon in the input after spaces alone; Beast joins a folded one elsewhere.
    bool is_folded(const char *after_colon, const char *value) const {
        if (value < after_colon || value > input_end_) return true;
        for (; after_colon < value; ++after_colon) {
            if (*after_colon != ' ' && *after_colon != '\t') return true;
        }
        return false;
    }

    void on_header_impl(error_code &) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t> &, error_code &) override {}

    std::size_t on_body_impl(string_view body, error_code &ec) override { return take(body, ec); }

    void on_chunk_header_impl(std::uint64_t size, string_view, error_code &ec) override {
        if (size > body_bytes_) refuse_body(ec);
    }

    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code &ec) override { return take(body, ec); }
    void on_finish_impl(error_code &) override {}

    std::size_t take(string_view body, error_code &ec) {
        if (body.size() > body_bytes_) {
            refuse_body(ec);
            return 0;
        }
        body_bytes_ -= body.size();
        if (!body.empty() && !sink_.on_body(body.data(), body.size())) ec = http::error::end_of_stream;
        return body.size();
    }

    void refuse_body(error_code &ec) {
        body_too_large_ = true;
        ec = http::error::body_limit;
    }

    body_sink &sink_;
    const char *input_end_ = nullptr;
    std::string text_;
    std::vector<cb_field> fields_;
    uint64_t body_bytes_ = 0;  // that may still come
    uint32_t fields_limit_;
    uint32_t method_count_ = 0, target_count_ = 0;
    int version_ = 0;
    int hosts_ = 0, content_lengths_ = 0, transfer_encodings_ = 0;
    expectation expect_ = expectation::none;
    bool list_of_lengths_ = false, folded_ = false, bad_value_ = false;
    bool body_too_large_ = false, too_many_fields_ = false;
};

}  // namespace martlet
