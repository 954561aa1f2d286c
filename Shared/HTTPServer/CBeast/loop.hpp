// One event loop: an io_context, the thread that runs it, its listeners and its connections.
#pragma once

#include "CBeast.h"

#include "head_buffers.hpp"

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace martlet {
namespace asio = boost::asio;
using connection_ptr = boost::intrusive_ptr<cb_connection>;
/// Without the type-erased executor that sockets have unless told otherwise.
using tcp_socket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;
}  // namespace martlet

struct cb_loop {
    cb_loop(cb_callbacks callbacks, cb_limits limits);
    ~cb_loop();

    static thread_local const cb_loop *current;

    int add_listener(int file);
    int start(std::string name, void *context_of_swift);
    void wake();
    void drain();
    void abort_all();

    /// What Asio calls is part of a batch, which ends after all that was ready together, or earlier when that is much:
    /// what the events caused in Swift runs, then all that was queued is written. So Swift is entered once for several
    /// requests, and a client that is woken by the first answer finds others already there. Yet nobody's answer waits
    /// for more than a few others, and clients have work while the loop has.
    template <typename Body>
    void batch(Body &&body) {
        if (events_ == 0) begin_batch();
        body();
        if (++events_ >= events_per_batch) end_batch();
    }

    static int64_t steady_ms() {
        using namespace std::chrono;
        return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
    }

    const cb_callbacks callbacks;
    const cb_limits limits;
    void *swift = nullptr;  // passed to the callbacks that concern the loop
    /// Its sockets are touched by the loop's thread alone, and so need no locks; `post` is safe on any thread.
    martlet::asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
    int64_t now = steady_ms();
    bool draining = false;

    /// Connections to look at before the batch ends; each is in a list at most once.
    std::vector<martlet::connection_ptr> to_resume, to_flush, to_bury;
    /// All connections; each knows its place.
    std::vector<cb_connection *> connections;

    /// Room for the next head.
    martlet::head_buffers head_buffers;

    /// Where every connection reads into. Nothing stays in it after the read was handled.
    std::array<char, 64 * 1024> input;

private:
    void run(const std::string &name);
    template <typename Body>
    void take(std::vector<martlet::connection_ptr> &list, Body &&body);
    void begin_batch();
    void end_batch();
    void accept_soon(size_t listener);
    void accept_all(size_t listener);
    void tick_soon();
    void tick();

    std::vector<martlet::asio::ip::tcp::acceptor> listeners_;
    std::vector<size_t> paused_listeners_;  // out of file descriptors: tried again at the next tick
    martlet::asio::steady_timer ticker_{context};
    std::thread thread_;
    bool drain_wanted_ = false;
    static constexpr int events_per_batch = 16;
    int events_ = 0;            // of this batch
    bool end_posted_ = false;
    std::vector<martlet::connection_ptr> spare_;  // an empty list with room

    friend void cb_loop_stop(cb_loop *);
};
