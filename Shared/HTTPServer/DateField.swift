import Glibc

/// The Date field, written anew once a second.
struct DateField {
    private var second = -1
    private var text: [UInt8] = []

    /// `Date: Sun, 06 Nov 1994 08:49:37 GMT` for now, with the line's end.
    mutating func now() -> [UInt8] {
        let current = time(nil)
        if current != second {
            second = current
            text = DateField.format(current)
        }
        return text
    }

    /// The line with an IMF-fixdate (RFC 9110 §5.6.7).
    static func format(_ second: Int) -> [UInt8] {
        var moment = second
        // `tm` holds a pointer to the zone's name, which is not used; those passed are to locals, for the call only.
        var parts = unsafe tm()
        unsafe gmtime_r(&moment, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = unsafe "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
        let time = unsafe "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
        return unsafe Array("Date: \(day) \(parts.tm_year + 1900) \(time) GMT\r\n".utf8)
    }
}
