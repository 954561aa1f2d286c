#include "audience.hpp"

#include <algorithm>

cb_audience::~cb_audience() {
    for (auto &member : members_) cb_connection_release(member.connection);
}

/// Who leaves has mostly come late.
std::vector<cb_audience::member>::iterator cb_audience::find(cb_connection *connection) {
    const auto found = std::find_if(members_.rbegin(), members_.rend(), [=](const member &member) {
        return member.connection == connection;
    });
    return found == members_.rend() ? members_.end() : found.base() - 1;
}

void cb_audience::add(cb_connection *connection, uint64_t tag, cb_mark after) {
    const auto found = find(connection);
    if (found != members_.end()) {
        found->after = after;
        return;
    }
    intrusive_ptr_add_ref(connection);
    members_.push_back({connection, tag, after});
}

void cb_audience::remove(cb_connection *connection) {
    const auto found = find(connection);
    if (found == members_.end()) return;
    *found = members_.back();
    members_.pop_back();
    intrusive_ptr_release(connection);
}

size_t cb_audience::send(const martlet::frame_ptr &frame, cb_mark mark, size_t limit) {
    size_t sent = 0;
    late_.clear();
    for (size_t i = 0; i < members_.size(); ++i) {
        // Of thousands of connections the one after the next is not in a cache.
        if (i + 2 < members_.size()) members_[i + 2].connection->prefetch();
        const auto &member = members_[i];
        if (!(member.after < mark) || member.connection->is_held()) continue;
        if (member.connection->send_marked(frame, mark, limit)) ++sent;
        else late_.push_back(member.tag);
    }
    return sent;
}
