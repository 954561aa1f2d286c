/// Prometheus' text exposition format, version 0.0.4.
enum PrometheusText {
    static func labels(_ pairs: [(String, String)]) -> String {
        pairs.map { "\($0)=\"\(escape($1))\"" }.joined(separator: ",")
    }

    static func write(_ families: [String: Metrics.Family]) -> String {
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.type)\n"
            for (labels, handle) in family.series {
                let braces = labels.isEmpty ? "" : "{\(labels)}"
                switch handle {
                case .counter(let counter): text += "\(name)\(braces) \(counter.current)\n"
                case .gauge(let gauge): text += "\(name)\(braces) \(gauge.current)\n"
                case .computed(let read): text += "\(name)\(braces) \(read())\n"
                case .histogram(let histogram): write(histogram, name, labels, to: &text)
                }
            }
        }
        return text
    }

    private static func write(_ histogram: Histogram, _ name: String, _ labels: String, to text: inout String) {
        let prefix = labels.isEmpty ? "" : labels + ","
        let braces = labels.isEmpty ? "" : "{\(labels)}"
        var cumulative = 0
        let counts = histogram.counts
        for (bound, count) in zip(histogram.buckets, counts) {
            cumulative += count
            text += "\(name)_bucket{\(prefix)le=\"\(bound)\"} \(cumulative)\n"
        }
        let total = counts.reduce(0, +)
        text += "\(name)_bucket{\(prefix)le=\"+Inf\"} \(total)\n"
        text += "\(name)_sum\(braces) \(histogram.sum)\n\(name)_count\(braces) \(total)\n"
    }

    private static func escape(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
