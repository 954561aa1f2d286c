// Sockets of one loop that get the same frames: what a broadcast runs over, without a call into Swift for each.
#pragma once

#include "connection.hpp"

#include <vector>

inline bool operator<(cb_mark left, cb_mark right) {
    return left.high == right.high ? left.low < right.low : left.high < right.high;
}

struct cb_audience {
    /// Takes a socket in, or moves the mark of one that is in.
    void add(cb_connection *connection, uint64_t tag, cb_mark after);
    void remove(cb_connection *connection);
    size_t send(const martlet::frame_ptr &frame, cb_mark mark, size_t limit);
    /// Whom the last frame found with too much waiting.
    const std::vector<uint64_t> &late() const { return late_; }
    size_t count() const { return members_.size(); }

    ~cb_audience();

private:
    struct member {
        cb_connection *connection;  // counted by hand: members are moved about
        uint64_t tag;
        cb_mark after;
    };

    std::vector<member>::iterator find(cb_connection *connection);

    std::vector<member> members_;
    std::vector<uint64_t> late_;
};
