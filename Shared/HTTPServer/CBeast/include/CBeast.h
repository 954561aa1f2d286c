// The C face of the server's event loops: Asio underneath, Beast for parsing, nothing of either visible here.
//
// Threads: a loop and all its connections belong to the loop's thread. Only the functions marked [any thread] may be
// called elsewhere. A function called from Swift never calls back into Swift before it returns: what it causes is
// reported by callbacks at the end of the loop's batch.
#ifndef CBEAST_H
#define CBEAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cb_loop cb_loop;
typedef struct cb_connection cb_connection;
typedef struct cb_frame cb_frame;
typedef struct cb_audience cb_audience;

/// Bytes that are valid during the call only.
typedef struct {
    const uint8_t *data;
    size_t count;
} cb_bytes;

typedef struct {
    uint32_t name_offset, name_count, value_offset, value_count;
} cb_field;

/// The head of a request. `text` holds the method, the target and all fields; the offsets count from its start.
typedef struct {
    cb_bytes text;
    uint32_t method_count;
    uint32_t target_offset, target_count;
    const cb_field *fields;
    size_t field_count;
    int64_t content_length;  // -1 when not given
    bool chunked;
    bool keep_alive;
    bool http10;
    bool whole;              // the request ends here; `complete` is not called
} cb_head;

/// Why a request cannot be read. The connection closes after the answer.
typedef enum {
    CB_MALFORMED = 1,
    CB_TARGET_TOO_LONG,
    CB_HEADER_TOO_LARGE,
    CB_BODY_TOO_LARGE,
    CB_VERSION_NOT_SUPPORTED,
    CB_EXPECTATION_FAILED,
    CB_TOO_SLOW,
} cb_failure;

typedef struct {
    uint32_t header_bytes;     // request line and fields
    uint32_t header_fields;
    uint32_t pipelined_bytes;  // read ahead while a request is being answered
    uint32_t write_high;       // a streamed response waits above this,
    uint32_t write_low;        // and goes on at this
    int64_t header_ms, body_idle_ms, keep_alive_ms, write_stall_ms, linger_ms, half_close_ms;
    int64_t ping_ms, pong_ms;
    int64_t tick_ms;
} cb_limits;

typedef struct {
    void (*batch)(void *context);                     // run what is ready
    void (*tick)(void *context);
    void (*stopped)(void *context);                   // the last call on the loop's thread
    // A new connection; the answer is its peer, passed to all that follows, and given back by `released`.
    void *(*accepted)(void *context, cb_connection *connection, const char *address);
    void (*accept_failed)(void *context, int error);
    // HTTP
    int64_t (*head)(void *peer, const cb_head *head);  // the body's limit in bytes, or -1 when it is already answered
    void (*body)(void *peer, cb_bytes bytes);
    void (*complete)(void *peer);                      // the whole body has come
    void (*failed)(void *peer, cb_failure failure, const char *reason);
    void (*writable)(void *peer);
    void (*half_closed)(void *peer);                   // the client will send nothing more, and this is its last request
    void (*abandoned)(void *peer);                     // it has been half closed for so long that it is taken for gone
    void (*deadline)(void *peer);
    void (*stopping)(void *peer);
    void (*closed)(void *peer);                        // the transport is gone
    // WebSocket
    void (*ws_message)(void *peer, cb_bytes bytes, bool text);
    void (*ws_drained)(void *peer);
    void (*ws_stopping)(void *peer);
    void (*ws_closed)(void *peer, uint16_t code, cb_bytes reason);  // exactly once
    void (*released)(void *peer, bool websocket);
} cb_callbacks;

// Listening. All return 0 or an errno value.

/// Opens a listening socket; the file descriptor and the port that was bound are stored.
/// Returns 0, an errno value, or the negated code of getaddrinfo.
int cb_listen(const char *host, uint16_t port, bool reuse_port, int backlog, int *file, uint16_t *bound);  // [any thread]
int cb_duplicate(int file, int *copy);                                                                     // [any thread]
void cb_close_file(int file);                                                                              // [any thread]

// Loops

cb_loop *cb_loop_create(cb_callbacks callbacks, cb_limits limits);  // [any thread]
void cb_loop_destroy(cb_loop *loop);                                // [any thread], after its thread has ended
/// Takes the listening socket over, also when it fails.
int cb_loop_add_listener(cb_loop *loop, int file);                  // [any thread], before the loop starts
/// Starts the loop's thread; `context` is passed to the callbacks and given back by `stopped`.
int cb_loop_start(cb_loop *loop, const char *name, void *context);  // [any thread]
/// Lets one batch begin soon.
void cb_loop_wake(cb_loop *loop);                                   // [any thread]
bool cb_loop_is_current(const cb_loop *loop);                       // [any thread]
/// Stops accepting, ends idle connections and tells the others.
void cb_loop_drain(cb_loop *loop);
void cb_loop_abort_all(cb_loop *loop);
size_t cb_loop_connections(const cb_loop *loop);
/// Ends the loop's thread after this batch.
void cb_loop_stop(cb_loop *loop);

// Connections

void cb_connection_retain(cb_connection *connection);
void cb_connection_release(cb_connection *connection);              // [any thread]
/// Writes both parts, at once as far as the socket takes them. Returns the bytes that wait, or -1 when it is closed.
int64_t cb_connection_write(cb_connection *connection, cb_bytes first, cb_bytes second);
/// The response is complete: go on to the next request, or close when `keep` is false or the loop drains.
void cb_connection_finish(cb_connection *connection, bool keep);
void cb_connection_abort(cb_connection *connection);
void cb_connection_pause(cb_connection *connection, bool paused);
/// Calls `deadline` after `milliseconds`; -1 takes it back.
void cb_connection_set_deadline(cb_connection *connection, int64_t milliseconds);

// WebSocket

typedef struct {
    uint32_t message_bytes;    // a larger message closes with 1009
    uint32_t queued_bytes;     // a socket with more waiting is cut off
    uint32_t low_mark;
} cb_ws_limits;

/// Orders marked frames: by `high`, then by `low`.
typedef struct {
    uint64_t high;
    int64_t low;
} cb_mark;

/// The value of Sec-WebSocket-Accept.
void cb_ws_accept(cb_bytes key, char accept[28]);                   // [any thread]
/// Writes the response head `response`; from here the connection speaks WebSocket with `peer`.
bool cb_ws_upgrade(cb_connection *connection, cb_bytes response, cb_ws_limits limits, void *peer);
cb_frame *cb_frame_create(cb_bytes payload, bool text);             // [any thread]
void cb_frame_release(cb_frame *frame);                             // [any thread]
size_t cb_frame_size(const cb_frame *frame);                        // [any thread]
/// Queues the frame. Returns the bytes that wait.
size_t cb_ws_send(cb_connection *connection, cb_frame *frame);
size_t cb_ws_queued_bytes(const cb_connection *connection);
size_t cb_ws_queued_frames(const cb_connection *connection);
/// Milliseconds since bytes last left while some wait; -1 when none wait.
int64_t cb_ws_stalled(const cb_connection *connection);
void cb_ws_drop_queued(cb_connection *connection);
/// Whether audiences pass the connection over.
void cb_ws_hold(cb_connection *connection, bool held);
/// The mark of the last frame that has certainly left, with all before it; zeros before the first.
cb_mark cb_ws_left(const cb_connection *connection);
void cb_ws_ping(cb_connection *connection);
void cb_ws_close(cb_connection *connection, uint16_t code, cb_bytes reason, int64_t within_ms);

// Audiences: WebSockets of one loop that get the same frames

cb_audience *cb_audience_create(void);                              // [any thread]
void cb_audience_destroy(cb_audience *audience);                    // [any thread]
/// Takes a socket in, which gets what is marked higher than `after`; moves `after` when it is in already.
void cb_audience_add(cb_audience *audience, cb_connection *connection, uint64_t tag, cb_mark after);
void cb_audience_remove(cb_audience *audience, cb_connection *connection);
size_t cb_audience_count(const cb_audience *audience);
/// Queues the frame to all who are to get it and returns how many that were. A socket on which more than `limit` bytes
/// wait does not get it: it is held, and its tag is among `late`, which is valid until the next call.
size_t cb_audience_send(cb_audience *audience, cb_frame *frame, cb_mark mark, size_t limit, const uint64_t **late,
                        size_t *late_count);

#ifdef __cplusplus
}
#endif
#endif
