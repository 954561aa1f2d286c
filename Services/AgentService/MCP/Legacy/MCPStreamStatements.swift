import JSON
import Kernel
import Postgres

/// Statements over `agent.mcp_streams` and their events.
enum MCPStreamStatements {
    /// Streams that one session may have; older ones are forgotten, those that have ended first.
    private static let most = 100
    /// After how long a process that says nothing is thought dead.
    private static let dead: SQL = "interval '20 seconds'"

    static func open(_ stream: UUID, session: [UInt8], request: RawJSON) -> SQL {
        """
        WITH surplus AS (
            SELECT id FROM agent.mcp_streams WHERE session = \(session)
            ORDER BY ended_at IS NULL DESC, begun_at DESC
            OFFSET \(most - 1)
            FOR UPDATE SKIP LOCKED
        ), old AS (
            SELECT id FROM agent.mcp_streams
            WHERE begun_at < now() - interval '1 hour' AND beat_at < now() - interval '1 minute'
            LIMIT 100
            FOR UPDATE SKIP LOCKED
        ), forgotten AS (
            DELETE FROM agent.mcp_streams WHERE id IN (SELECT id FROM surplus UNION ALL SELECT id FROM old)
        )
        INSERT INTO agent.mcp_streams (id, session, request) VALUES (\(stream), \(session), \(request))
        """
    }

    /// Adds events, none for a sign of life; a row unless the stream has ended. It may be repeated.
    static func append(_ events: [MCPOutbox.Event], to stream: UUID, ends: Bool) -> SQL {
        """
        WITH stream AS (
            UPDATE agent.mcp_streams
            SET beat_at = now(), revision = revision + \(events.isEmpty && !ends ? 0 : 1),
                ended_at = CASE WHEN \(ends) THEN now() END
            WHERE id = \(stream) AND ended_at IS NULL
            RETURNING id
        ), added AS (
            INSERT INTO agent.mcp_events (stream_id, seq, message, is_question)
            SELECT stream.id, event.seq, event.message, event.is_question
            FROM stream, unnest(
                \(events.map(\.number)), \(events.map { RawJSON($0.message) }), \(events.map(\.isQuestion))
            ) AS event (seq, message, is_question)
            ON CONFLICT DO NOTHING
        )
        SELECT id FROM stream
        """
    }

    /// The next events of a stream, at least one row if it is there: the request that it answers, whether it has ended,
    /// whether its process seems dead, and an event's number and message.
    static func events(of stream: UUID, session: [UInt8], after number: Int, atMost limit: Int) -> SQL {
        """
        SELECT stream.request, stream.ended_at IS NOT NULL, stream.beat_at < now() - \(dead), event.seq, event.message
        FROM agent.mcp_streams AS stream
        LEFT JOIN LATERAL (
            SELECT seq, message FROM agent.mcp_events
            WHERE stream_id = stream.id AND seq > \(number)
            ORDER BY seq
            LIMIT \(limit)
        ) AS event ON true
        WHERE stream.id = \(stream) AND stream.session = \(session)
        ORDER BY event.seq
        """
    }

    /// Ends a stream whose process seems dead, with a last message.
    static func bury(_ stream: UUID, message: RawJSON) -> SQL {
        """
        WITH stream AS (
            UPDATE agent.mcp_streams SET ended_at = now(), revision = revision + 1
            WHERE id = \(stream) AND ended_at IS NULL AND beat_at < now() - \(dead)
            RETURNING id
        )
        INSERT INTO agent.mcp_events (stream_id, seq, message, is_question)
        SELECT id, coalesce((SELECT max(seq) FROM agent.mcp_events WHERE stream_id = id), 0) + 1, \(message), false
        FROM stream
        """
    }

    /// Ends the stream that answers a request, without an answer.
    static func cancel(_ request: RawJSON, session: [UInt8]) -> SQL {
        """
        UPDATE agent.mcp_streams SET ended_at = now(), revision = revision + 1
        WHERE session = \(session) AND ended_at IS NULL
            AND request::text = \(String(decoding: request.bytes, as: UTF8.self))
        """
    }

    /// Takes the answer to a question; the first counts.
    static func take(_ answer: RawJSON, to question: MCPEventID, session: [UInt8]) -> SQL {
        """
        WITH stream AS (
            UPDATE agent.mcp_streams SET revision = revision + 1
            WHERE id = \(question.stream) AND session = \(session) AND ended_at IS NULL
            RETURNING id
        )
        UPDATE agent.mcp_events SET answer = \(answer)
        FROM stream
        WHERE stream_id = stream.id AND seq = \(question.number) AND is_question AND answer IS NULL
        """
    }

    /// The answers that there are to questions of a stream.
    static func answers(of stream: UUID, to numbers: [Int]) -> SQL {
        """
        SELECT seq, answer FROM agent.mcp_events
        WHERE stream_id = \(stream) AND seq = ANY(\(numbers)) AND answer IS NOT NULL
        """
    }

    /// Which revision streams are at, by their ids: those of calls and those of sessions.
    static func revisions(of streams: [UUID]) -> SQL {
        """
        SELECT id, revision FROM agent.mcp_streams WHERE id = ANY(\(streams))
        UNION ALL
        SELECT listener, revision FROM agent.mcp_sessions WHERE listener = ANY(\(streams))
        """
    }
}
