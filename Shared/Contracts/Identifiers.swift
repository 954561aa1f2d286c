public import Kernel

/// What the ids of each kind identify.
public enum Subject {
    /// A job of the job queue.
    public enum Job {}
    /// A worker session of the job queue.
    public enum Worker {}
    /// A schedule of the job queue.
    public enum Schedule {}
    /// A project of the agent service.
    public enum Project {}
    /// An activity: an ordered part of a project.
    public enum Activity {}
    /// A card: one task of an activity.
    public enum Card {}
    /// An asset: the file that a job yielded.
    public enum Asset {}
    /// A note: what is to be remembered of a project.
    public enum Note {}
    /// A thread: what an agent remembers of a conversation or a run.
    public enum Thread {}
    /// A run of an agent in a thread.
    public enum Run {}
    /// A state of a thread.
    public enum Checkpoint {}
    /// An API key.
    public enum APIKey {}
}

/// A job of the job queue.
public typealias JobID = Identifier<Subject.Job>
/// A worker session of the job queue.
public typealias WorkerID = Identifier<Subject.Worker>
/// A schedule of the job queue.
public typealias ScheduleID = Identifier<Subject.Schedule>
/// A project of the agent service.
public typealias ProjectID = Identifier<Subject.Project>
/// An activity of a project.
public typealias ActivityID = Identifier<Subject.Activity>
/// A card of an activity.
public typealias CardID = Identifier<Subject.Card>
/// An asset of a project.
public typealias AssetID = Identifier<Subject.Asset>
/// A note: what is to be remembered of a project.
public typealias NoteID = Identifier<Subject.Note>
/// A thread: what an agent remembers of a conversation or a run.
public typealias ThreadID = Identifier<Subject.Thread>
/// A run of an agent in a thread.
public typealias RunID = Identifier<Subject.Run>
/// A state of a thread.
public typealias CheckpointID = Identifier<Subject.Checkpoint>
/// An API key.
public typealias APIKeyID = Identifier<Subject.APIKey>
