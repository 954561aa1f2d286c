import Contracts

/// What each action does, in the words of the statements.
extension QueueModel {
    /// The state after an action, and what the worker is answered if one asked.
    struct Step: Sendable {
        var state: QueueModel
        var outcome: ModelOutcome?
    }

    func after(_ action: ModelAction) -> Step {
        var step = Step(state: self)
        switch action {
        case .submit(let job, let status):
            step.state.jobs[job] = Job(status)
            if status == .blocked { step.state.notes.append(Note(job: job, hasEnded: false)) }
        case .retry(let job, let new):
            if flaw == .retryRevivesTheJob {
                step.state.change(job, to: .queued, .waiting)
            } else {
                step.state.jobs[new] = Job(.queued)
            }
        case .open(let worker): step.state.workers[worker].session = .live
        case .silence(let worker): step.state.workers[worker].session = .silent
        case .close(let worker):
            for (index, job) in jobs.enumerated() where job?.live?.worker == worker {
                step.state.handBack(index, died: false)
            }
            step.state.removeSession(worker)
        case .verb(_, let key, let verb, let retryable):
            step.outcome = step.state.perform(verb, key, retryable: retryable)
        case .resume(let job): step.state.resume(job)
        case .forget(let job): step.state.jobs[job]?.leases.removeAll { $0.fence != jobs[job]?.fence }
        case .expand(let parent):
            step.state.take(Note(job: parent, hasEnded: true))
            let child = Note(job: 1, hasEnded: false)
            if jobs[1] != nil, !notes.contains(child) { step.state.notes.append(child) }
        case .claim(let worker, let job): step.state.lease(job, to: worker)
        case .rescue(let worker): step.state.rescue(worker, leases(of: worker))
        case .endTimedOut(let key): step.state.endTimedOut(key)
        case .promote(let job): step.state.promote(job)
        case .end(let job, let status): step.state.end(job, as: status)
        case .resolve(let job):
            step.state.begin(.resolve(job))
            step.state.pending.removeAll { $0 == .resolve(job) }
            step.state.resolve(job)
        case .look(let pending): step.state.begin(pending)
        case .act(let pending):
            step.state.pending.removeAll { $0 == pending }
            switch pending {
            case .claim(let worker, let job): step.state.lease(job, to: worker)
            case .rescue(let worker, let found): step.state.rescue(worker, found)
            case .timeout(let key): step.state.endTimedOut(key)
            case .promote(let job): step.state.promote(job)
            case .end(let job, let status): step.state.end(job, as: status)
            case .resolve(let job): step.state.resolve(job)
            }
        case .abort(let pending):
            step.state.pending.removeAll { $0 == pending }
            // What was taken is there again.
            if case .resolve(let job) = pending { step.state.notes.append(Note(job: job, hasEnded: false)) }
        }
        return step
    }

    /// The live leases of a worker.
    func leases(of worker: Int) -> [Key] {
        jobs.enumerated()
            .compactMap { index, job in
                job?.live.flatMap { $0.worker == worker ? Key(job: index, fence: $0.fence) : nil }
            }
    }

    // MARK: Changes

    /// Changes a job's row; a change of status gets a number and an event.
    private mutating func change(_ index: Int, to status: JobStatus, _ phase: JobPhase, isLogged: Bool = true) {
        guard var job = jobs[index] else { return }
        let isEvent = status != job.status
        job.status = status
        job.phase = phase
        if isEvent {
            job.seq += 1
            if isLogged {
                job.events += 1
                job.told = status
            }
        }
        if status == .queued, isEvent { job.isReady = true }
        if status == .scheduled {
            if job.isScheduled, flaw == .waitingNeedsAFreePlace { collision = "a row of an earlier wait is in the way" }
            job.isScheduled = true
        }
        if status.isFinal { tell(index, job) }
        jobs[index] = job
    }

    private mutating func tell(_ index: Int, _ job: Job) {
        if job.hasDependents, flaw != .endTellsNoDependent { notes.append(Note(job: index, hasEnded: true)) }
    }

    private mutating func take(_ note: Note) {
        if let place = notes.firstIndex(of: note) { notes.remove(at: place) }
    }

    private mutating func endLease(_ index: Int, by verb: ModelVerb, revoking: Bool = false) {
        guard var job = jobs[index] else { return }
        let fence = job.fence
        job.endedFence = fence
        job.endedVerb = verb
        if flaw != .endsKeepTheFence { job.fence += 1 }
        if revoking {
            for place in job.leases.indices { job.leases[place].isRevoked = true }
        } else {
            job.leases.removeAll { $0.fence == fence }
        }
        jobs[index] = job
    }

    /// What the holder of a lease says, and what it is answered.
    private mutating func perform(
        _ verb: ModelVerb,
        _ key: Key,
        retryable: Bool
    ) -> ModelOutcome {
        guard var job = jobs[key.job] else { return .leaseLost }
        let isHeld = flaw == .verbsIgnoreTheFence || job.fence == key.fence
        let mayAct =
            switch verb {
            case .start: job.status == .queued
            case .release: !job.status.isFinal
            default: job.status == .processing
            }
        guard isHeld, mayAct else {
            if job.endedFence == key.fence, job.endedVerb == verb { return .ok }
            if verb == .start, job.fence == key.fence, job.status == .processing { return .ok }
            return job.fence == key.fence ? .notStarted : .leaseLost
        }
        switch verb {
        case .start:
            job.attempt += 1
            for place in job.leases.indices where job.leases[place].fence == key.fence {
                job.leases[place].isStarted = true
            }
            jobs[key.job] = job
            change(key.job, to: .processing, .running)
        case .complete:
            change(key.job, to: .completed, .finished)
            endLease(key.job, by: .complete)
        case .fail: failAttempt(key.job, retryable: retryable, revoking: false)
        case .snooze:
            jobs[key.job]?.attempt -= 1
            change(key.job, to: .scheduled, .snoozed)
            if flaw == .snoozeForgetsItsTime { jobs[key.job]?.isScheduled = false }
            endLease(key.job, by: .snooze)
        case .suspend:
            jobs[key.job]?.attempt -= 1
            let isAnswered = job.resumeFence == job.fence
            change(key.job, to: isAnswered ? .queued : .scheduled, isAnswered ? .waiting : .suspended)
            endLease(key.job, by: .suspend)
        case .release: handBack(key.job, died: false)
        }
        return .ok
    }

    private mutating func failAttempt(
        _ index: Int,
        retryable: Bool,
        revoking: Bool
    ) {
        let again = retryable && (jobs[index]?.attempt ?? 0) < maxAttempts
        change(index, to: again ? .scheduled : .failed, again ? .retryWait : .finished)
        endLease(index, by: .fail, revoking: revoking)
    }

    /// Puts a leased job in line again. One that had not been started has never left the line, as far as its status
    /// goes, and says nothing.
    private mutating func handBack(_ index: Int, died: Bool) {
        guard let job = jobs[index] else { return }
        if job.status == .processing {
            if died {
                jobs[index]?.deaths += 1
            } else {
                jobs[index]?.attempt -= 1
            }
            change(index, to: .queued, .interrupted, isLogged: flaw != .releaseLogsNothing || died)
        }
        jobs[index]?.isReady = !(died && flaw == .rescueForgetsTheLine)
        endLease(index, by: .release)
    }

    private mutating func removeSession(_ worker: Int) {
        workers[worker].session = .none
        for index in jobs.indices { jobs[index]?.leases.removeAll { $0.worker == worker } }
    }

    private mutating func resume(_ index: Int) {
        guard let job = jobs[index] else { return }
        jobs[index]?.resumeFence = job.fence
        guard job.phase == .suspended else { return }
        change(index, to: .queued, .waiting)
        // Somebody who is about to take it out keeps the row, and finds the job's status changed.
        if !pending.contains(.promote(index)) { jobs[index]?.isScheduled = false }
    }

    private mutating func end(_ index: Int, as status: JobStatus) {
        guard let job = jobs[index], !job.status.isFinal || flaw == .cancellationDoesNotLookAgain else { return }
        change(index, to: status, .finished)
        if flaw != .cancellationForgetsTheLease {
            jobs[index]?.fence += 1
            for place in job.leases.indices { jobs[index]?.leases[place].isRevoked = true }
        }
        let isBeingClaimed = pending.contains { if case .claim(_, index) = $0 { true } else { false } }
        if !isBeingClaimed { jobs[index]?.isReady = false }
        if !pending.contains(.promote(index)) { jobs[index]?.isScheduled = false }
    }

    private mutating func endTimedOut(_ key: Key) {
        guard let job = jobs[key.job], job.status == .processing,
            job.fence == key.fence || flaw == .timeoutIgnoresTheFence
        else { return }
        failAttempt(key.job, retryable: true, revoking: true)
    }

    private mutating func promote(_ index: Int) {
        jobs[index]?.isScheduled = false
        guard let job = jobs[index], job.status == .scheduled || flaw == .promotionDoesNotLookAgain else { return }
        change(index, to: .queued, .waiting)
    }

    private mutating func lease(_ index: Int, to worker: Int) {
        // Without its session the statement fails, and the job stays in line.
        guard var job = jobs[index], workers[worker].session != .none else { return }
        job.isReady = false
        guard job.status == .queued || flaw == .claimTakesWhateverIsInLine else {
            jobs[index] = job
            return
        }
        job.fence += 1
        if flaw == .oneLeaseRowPerJob, !job.leases.isEmpty { collision = "a lease row is in the way" }
        job.leases.append(Lease(fence: job.fence, worker: worker))
        jobs[index] = job
        workers[worker].remembers = (workers[worker].remembers + [Key(job: index, fence: job.fence)]).suffix(2)
    }

    private mutating func rescue(_ worker: Int, _ found: [Key]) {
        for key in found {
            guard let job = jobs[key.job] else { continue }
            let isHeld = job.fence == key.fence && job.live?.worker == worker
            guard isHeld || flaw == .rescueDoesNotLookAgain else { continue }
            let isPoison = job.deaths + 1 >= maximumDeaths
            if job.status == .processing, job.attempt >= maxAttempts || isPoison {
                jobs[key.job]?.deaths += 1
                change(key.job, to: .failed, isPoison ? .quarantined : .finished)
                jobs[key.job]?.fence += 1
            } else if !isHeld {
                change(key.job, to: .queued, .interrupted)
            } else {
                handBack(key.job, died: true)
            }
        }
        removeSession(worker)
    }

    // MARK: Families

    private mutating func resolve(_ child: Int) {
        guard let job = jobs[child], job.status == .blocked, let parent = jobs[0], parent.status.isFinal else { return }
        if parent.status == .completed {
            change(child, to: .queued, .waiting)
        } else {
            change(child, to: .failed, .finished)
        }
        jobs[child]?.fence += 1
    }

    // MARK: First halves

    private mutating func begin(_ operation: Pending) {
        pending.append(operation)
        guard case .resolve(let child) = operation else { return }
        take(Note(job: child, hasEnded: false))
        // From now on the parent's end leaves a note.
        if flaw != .resolverMarksNoParent, jobs[0]?.status.isFinal == false { jobs[0]?.hasDependents = true }
    }
}
