#include "loop.hpp"

#include <fcntl.h>

#include "connection.hpp"

#include <boost/asio/post.hpp>
#include <cerrno>
#include <netdb.h>
#include <pthread.h>
#include <unistd.h>

namespace asio = martlet::asio;
using asio::ip::tcp;
using martlet::connection_ptr;
using martlet::error_code;

thread_local const cb_loop *cb_loop::current = nullptr;

namespace {

/// Connections taken from one listener before the others have their turn.
constexpr int accepts_per_batch = 64;

}  // namespace

cb_loop::cb_loop(cb_callbacks callbacks, cb_limits limits) : callbacks(callbacks), limits(limits) {}

cb_loop::~cb_loop() {
    if (!thread_.joinable()) return;
    // The last owner may let go on the loop's own thread, which is then past its last use of the loop.
    if (thread_.get_id() == std::this_thread::get_id()) thread_.detach();
    else thread_.join();
}

int cb_loop::add_listener(int file) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getsockname(file, reinterpret_cast<sockaddr *>(&address), &size) != 0) {
        const int error = errno;
        close(file);
        return error;
    }
    tcp::acceptor acceptor(context);
    error_code ec;
    acceptor.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), file, ec);
    if (ec) {
        close(file);
        return ec.value();
    }
    acceptor.non_blocking(true, ec);
    fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
    if (ec) return ec.value();
    listeners_.push_back(std::move(acceptor));
    return 0;
}

int cb_loop::start(std::string name, void *context_of_swift) {
    swift = context_of_swift;
    for (size_t i = 0; i < listeners_.size(); ++i) accept_soon(i);
    tick_soon();
    try {
        thread_ = std::thread([this, name = std::move(name)] { run(name); });
    } catch (const std::system_error &error) {
        return error.code().value();
    }
    return 0;
}

void cb_loop::run(const std::string &name) {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    current = this;
    context.run();
    current = nullptr;
    // This may free the loop, so nothing follows.
    callbacks.stopped(swift);
}

void cb_loop::wake() {
    asio::post(context, [this] {
        now = steady_ms();
        end_batch();
    });
}

void cb_loop::begin_batch() {
    now = steady_ms();
    if (end_posted_) return;
    end_posted_ = true;
    // Asio puts this behind everything that is ready now.
    asio::post(context, [this] {
        end_posted_ = false;
        if (events_ > 0) end_batch();
    });
}

/// Empties a list, which may fill again meanwhile.
template <typename Body>
void cb_loop::take(std::vector<connection_ptr> &list, Body &&body) {
    auto taken = std::exchange(list, std::move(spare_));
    for (size_t i = 0; i < taken.size(); ++i) {
        // Of thousands of connections the one after the next is not in a cache, and the next takes microseconds.
        if (i + 2 < taken.size()) taken[i + 2]->prefetch();
        body(*taken[i]);
    }
    taken.clear();
    // After a broadcast to many there is no reason to keep room for all of them.
    if (taken.capacity() <= 1024) spare_ = std::move(taken);
}

/// Swift runs first, then connections go on, then all that was queued is written, then the dead are buried; each can
/// cause more of the others, and the batch ends when none is left.
void cb_loop::end_batch() {
    events_ = 0;
    for (;;) {
        callbacks.batch(swift);
        if (drain_wanted_) {
            drain_wanted_ = false;
            for (size_t i = 0; i < connections.size(); ++i) connections[i]->drain();
        } else if (!to_resume.empty()) {
            take(to_resume, [](cb_connection &connection) {
                connection.in_resume = false;
                connection.resume();
            });
        } else if (!to_flush.empty()) {
            take(to_flush, [](cb_connection &connection) {
                connection.in_flush = false;
                connection.flush();
            });
        } else if (!to_bury.empty()) {
            take(to_bury, [](cb_connection &connection) { connection.bury(); });
        } else {
            return;
        }
    }
}

void cb_loop::accept_soon(size_t listener) {
    listeners_[listener].async_wait(tcp::acceptor::wait_read, [this, listener](error_code ec) {
        if (ec) return;
        batch([&] { accept_all(listener); });
    });
}

void cb_loop::accept_all(size_t listener) {
    for (int i = 0; i < accepts_per_batch; ++i) {
        martlet::tcp_socket socket(context);
        error_code ec;
        listeners_[listener].accept(socket, ec);
        if (ec == asio::error::would_block || ec == asio::error::try_again) break;
        if (ec == asio::error::bad_descriptor) return;  // closed by `drain`
        if (ec == asio::error::connection_aborted || ec == asio::error::interrupted) continue;
        if (ec) {
            // Out of descriptors or memory: asking again at once would spin.
            callbacks.accept_failed(swift, ec.value());
            paused_listeners_.push_back(listener);
            return;
        }
        const auto remote = socket.remote_endpoint(ec);
        if (ec) continue;  // gone already
        error_code ignored;  // the options only speed things up
        socket.non_blocking(true, ignored);
        socket.set_option(tcp::no_delay(true), ignored);
        // A program that is started meanwhile must not hold the connection open.
        fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
        auto address = remote.address();
        if (address.is_v6() && address.to_v6().is_v4_mapped()) {
            address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
        }
        connection_ptr connection(new cb_connection(*this, std::move(socket)));
        connection->begin(address.to_string().c_str());
    }
    accept_soon(listener);
}

void cb_loop::tick_soon() {
    ticker_.expires_after(std::chrono::milliseconds(limits.tick_ms));
    ticker_.async_wait([this](error_code ec) {
        if (ec) return;
        batch([&] { tick(); });
        tick_soon();
    });
}

void cb_loop::tick() {
    for (size_t i = 0; i < connections.size(); ++i) connections[i]->check(now);
    if (!draining) {
        for (const auto listener : std::exchange(paused_listeners_, {})) accept_soon(listener);
    }
    callbacks.tick(swift);
}

void cb_loop::drain() {
    draining = true;
    drain_wanted_ = true;
    error_code ignored;  // closing frees the descriptor whatever it reports
    for (auto &listener : listeners_) listener.close(ignored);
}

void cb_loop::abort_all() {
    for (auto *connection : connections) connection->abort();
}
