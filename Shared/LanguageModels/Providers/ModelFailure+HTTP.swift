import HTTPClient

extension ModelFailure {
    /// No answer, or only a part of one.
    init(_ error: ClientError) {
        switch error {
        case .timedOut: self.init(.timedOut, "\(error)", isRetryable: true)
        case .overloaded: self.init(.overloaded, "\(error)", isRetryable: true)
        case .couldNotResolve, .couldNotConnect, .shutDown: self.init(.unreachable, "\(error)", isRetryable: true)
        case .addressRefused, .tls: self.init(.unreachable, "\(error)", isRetryable: false)
        case .connectionLost: self.init(.streamBroken, "\(error)", isRetryable: true)
        case .invalidURL, .invalidRequest, .tooManyRedirects, .file:
            self.init(.requestRefused, "\(error)", isRetryable: false)
        case .responseTooLarge, .headersTooLarge: self.init(.answerTooLarge, "\(error)", isRetryable: false)
        case .protocolError: self.init(.answerInvalid, "\(error)", isRetryable: false)
        }
    }
}
