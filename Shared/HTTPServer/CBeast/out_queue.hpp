// What waits to be written to one socket, in order.
#pragma once

#include "frame.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <span>
#include <vector>

namespace martlet {

class out_queue {
public:
    /// The most buffers that one gathering write takes.
    static constexpr size_t gather = 64;

    bool empty() const { return head_ == frames_.size(); }
    size_t bytes() const { return bytes_; }
    size_t count() const { return frames_.size() - head_; }

    void push(frame_ptr frame) {
        bytes_ += frame->size();
        frames_.push_back(std::move(frame));
    }

    /// The first frame's bytes, of which there is one.
    boost::asio::const_buffer first() const {
        return boost::asio::const_buffer(frames_[head_]->data() + offset_, frames_[head_]->size() - offset_);
    }

    /// As many frames' bytes as one gathering write takes.
    std::span<const boost::asio::const_buffer> front(std::array<boost::asio::const_buffer, gather> &room) const {
        size_t used = 0, offset = offset_;
        for (size_t i = head_; i < frames_.size() && used < gather; ++i, offset = 0) {
            room[used++] = boost::asio::const_buffer(frames_[i]->data() + offset, frames_[i]->size() - offset);
        }
        return {room.data(), used};
    }

    /// Takes away what was written.
    void consume(size_t written) {
        bytes_ -= written;
        while (written > 0) {
            const size_t left = frames_[head_]->size() - offset_;
            if (written < left) {
                offset_ += written;
                break;
            }
            written -= left;
            offset_ = 0;
            frames_[head_++].reset();
        }
        if (empty()) {
            head_ = 0;
            // An idle connection keeps no more than a few places.
            if (frames_.capacity() > 8) frames_ = {};
            else frames_.clear();
        } else if (head_ > gather && head_ * 2 > frames_.size()) {
            frames_.erase(frames_.begin(), frames_.begin() + static_cast<ptrdiff_t>(head_));
            head_ = 0;
        }
    }

    /// Takes away every data frame of which nothing has been written; control frames stay.
    void drop_unbegun() {
        size_t kept = head_ + (offset_ > 0 ? 1 : 0);
        for (size_t i = kept; i < frames_.size(); ++i) {
            if (frames_[i]->is_control) std::swap(frames_[kept++], frames_[i]);
            else bytes_ -= frames_[i]->size();
        }
        frames_.resize(kept);
    }

private:
    std::vector<frame_ptr> frames_;
    size_t head_ = 0;
    size_t offset_ = 0;  // written bytes of the frame at head_
    size_t bytes_ = 0;
};

}  // namespace martlet
