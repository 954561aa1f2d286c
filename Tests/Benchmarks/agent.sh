# shellcheck shell=bash
# Rows of the agent service. Sourced by bench.sh, after queue.sh. PEERS names a folder with bench_langgraph_pg.py and
# mcp_reference_server.py.

# What a put of the peer costs on our Postgres: "puts/s p50 bytes", or nothing.
checkpointer_figures() {
    [ -n "$checkpointer" ] || return 0
    local line
    line=$("$checkpointer" "$peers/bench_langgraph_pg.py" "${database%/*}/peer_langgraph" --threads 8 --puts 200 2>/dev/null) ||
        return 0
    printf '%s %s %s' "$(word "$line" puts_per_s)" "$(word "$line" p50_ms)" "$(word "$line" bytes_on_disk_per_put)"
}

find_checkpointer() {
    peers=${PEERS:-$(printf '%s\n' "$root"/../*/peers | head -n 1)}
    checkpointer=
    [ -r "$peers/bench_langgraph_pg.py" ] && command -v python3 >/dev/null || return 0
    python3 -m venv "$home/checkpointer" >/dev/null 2>&1 &&
        "$home/checkpointer/bin/pip" -q install langgraph-checkpoint-postgres 'psycopg[binary]' >/dev/null 2>&1 || return 0
    sql "CREATE DATABASE peer_langgraph" "$database"
    checkpointer=$home/checkpointer/bin/python
}

# The bytes of what threads have, and of the log of their changes, so far.
thread_bytes() {
    sql "SELECT sum(pg_total_relation_size(name::regclass))
        FROM unnest(array['agent.threads', 'agent.checkpoints', 'agent.checkpoint_writes', 'agent.thread_values']) AS name" \
        "$database"
}
log_bytes() {
    sql "SELECT coalesce(sum(pg_column_size(event.*)), 0) FROM shared.events AS event WHERE type = 'thread.updated'" "$database"
}

measure_threads() {
    local rates= p50= peer_rates= peer_p50= peer_bytes= line figures=() before log puts=0
    find_checkpointer
    before=$(thread_bytes) log=$(log_bytes)
    for _ in $(seq $rounds); do
        line=$("$binaries/ServiceLoad" checkpoints 8 500) || die "$line"
        rates+=" $(word "$line" puts_per_s)" p50+=" $(word "$line" p50_ms)"
        puts=$((puts + $(word "$line" puts)))
        read -ra figures <<<"$(checkpointer_figures)"
        [ ${#figures[@]} -eq 3 ] || continue
        peer_rates+=" ${figures[0]}" peer_p50+=" ${figures[1]}" peer_bytes=${figures[2]}
    done
    compare "checkpoints of 2 KiB with 2 writes, 8 writers: puts/s" "$rates" langgraph "$peer_rates" 5
    compare "the same: p50 ms" "$p50" langgraph "$peer_p50" 1 inverse
    before=$(divide $(($(thread_bytes) - before)) $puts)
    log=$(divide $(($(log_bytes) - log)) $puts)
    if [ -n "$peer_bytes" ]; then
        judge "$(divide "$before" "$peer_bytes")" at-most 0.5
        row "the same: bytes on disk a put" "$(rounded "$before")" "langgraph $peer_bytes" \
            "$(rounded "$(divide "$before" "$peer_bytes")")" "≤ 0.5" "$verdict"
    else
        row "the same: bytes on disk a put" "$(rounded "$before")" - - "≤ 0.5" "no langgraph"
    fi
    row "the same: bytes of its event in the log" "$(rounded "$log")" - - - printed
}

# What a model is told of a project with 1,000 cards, 10,000 jobs that each left an asset, and 50 notes, put there by SQL.
measure_context() {
    local project times= line
    project=$(sql "WITH project AS (
            INSERT INTO agent.projects (id, title) VALUES (gen_random_uuid(), 'a film') RETURNING id
        ), activity AS (
            INSERT INTO agent.activities (id, project_id, title, task_type, position)
            SELECT gen_random_uuid(), id, 'activity ' || n, 'image', n FROM project, generate_series(1, 10) AS n
            RETURNING id, project_id
        ), card AS (
            INSERT INTO agent.cards (id, activity_id, title, prompt, position)
            SELECT gen_random_uuid(), id, 'Harbour at dawn, shot ' || n, repeat('a boat ', 100), n
            FROM activity, generate_series(1, 100) AS n
            RETURNING id
        ), job AS (
            INSERT INTO jobs.jobs (id, project_id, card_id, kind, queue, status, phase, seq, max_attempts, priority, run_at,
                timeout_ms, params, metadata, tags, result_url, submitted_by, created_at, completed_at)
            SELECT gen_random_uuid(), project.id, card.id, 'image', 'default', 'completed', 'finished', 3, 3, 0, now(),
                1000, '{}', '{}', '{}', '/api/results/' || md5(card.id::text), 'bench', now(), now()
            FROM project, card, generate_series(1, 10)
            RETURNING id, project_id, card_id, result_url
        ), asset AS (
            INSERT INTO agent.assets (id, project_id, card_id, job_id, url)
            SELECT gen_random_uuid(), project_id, card_id, id, result_url FROM job RETURNING id, project_id
        ), approval AS (
            INSERT INTO agent.approvals (id, asset_id, project_id, approved_by)
            SELECT gen_random_uuid(), id, project_id, 'bench' FROM asset WHERE random() < 0.1
        ), note AS (
            INSERT INTO agent.notes (id, project_id, text, author, source, confidence)
            SELECT gen_random_uuid(), id, 'The sea is green.', 'bench', 'person', 1 FROM project, generate_series(1, 50)
        )
        SELECT id FROM project" "$database")
    sql "VACUUM ANALYZE agent.activities, agent.cards, agent.assets, agent.approvals, agent.notes, jobs.jobs" "$database"
    for _ in $(seq $rounds); do
        line=$("$binaries/ServiceLoad" context "$project" 200) || die "$line"
        times+=" $(word "$line" p50_ms)"
    done
    # shellcheck disable=SC2086
    line=$(median $times)
    judge "$line" at-most 10
    row "context of 1,000 cards and 10,000 jobs: p50 ms" "$(rounded "$line")" - - "≤ 10" "$verdict"
}

# Calls of a tool that reads: ours asks the database, the peer's returns a constant.
measure_tools() {
    local name="MCP tools/call of a read tool, 16 connections: calls/s" url=http://127.0.0.1:$AGENT_PORT/mcp server port
    write_call "$home/call.lua" list_projects '{\"limit\":1}'
    write_call "$home/peer-call.lua" test_simple_text '{}'
    our_calls() { wrk_rate 16 "$url" "$home/call.lua"; }
    if ! python3 -m venv "$home/mcp" >/dev/null 2>&1 || ! "$home/mcp/bin/pip" -q install 'mcp>=2' >/dev/null 2>&1 ||
        [ ! -r "$peers/mcp_reference_server.py" ]; then
        row "$name" "$(rounded "$(our_calls)")" - - "≥ 5" "no mcp"
        return
    fi
    port=$(free_port)
    "$home/mcp/bin/python" -B "$peers/mcp_reference_server.py" "$port" --json >/dev/null 2>&1 &
    server=$!
    children+=("$server")
    wait_for_port "$port"
    peer_calls() { wrk_rate 16 "http://127.0.0.1:$port/mcp" "$home/peer-call.lua"; }
    beside our_calls peer_calls
    judge "$ratio" at-least 5
    row "$name" "$(rounded "$ours")" "Python SDK $(rounded "$peer")" "$ratio" "≥ 5" "$verdict"
    end_child "$server"
}

# write_call FILE TOOL ARGUMENTS: what wrk sends.
write_call() {
    cat >"$1" <<LUA
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer dev-token"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["MCP-Protocol-Version"] = "2026-07-28"
wrk.headers["Mcp-Method"] = "tools/call"
wrk.headers["Mcp-Name"] = "$2"
wrk.body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"$2\",\"arguments\":$3," ..
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{}}}}"
LUA
}
