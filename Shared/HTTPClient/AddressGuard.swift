/// Which addresses a client connects to.
public enum AddressGuard: Sendable, Hashable {
    /// Any.
    case any
    /// Only such as anyone on the internet could reach: for URLs that users bring. Loopback, private, link-local
    /// (also a cloud's metadata service), carrier, multicast, documentation and reserved ranges are refused, as well
    /// as IPv6 forms that hide one of them.
    case publicOnly

    /// Judges an IPv4 address of 4 or an IPv6 address of 16 bytes.
    func allows(_ address: [UInt8]) -> Bool {
        switch self {
        case .any: true
        case .publicOnly: address.count == 4 ? Self.isPublic4(address) : address.count == 16 && Self.isPublic6(address)
        }
    }

    /// IANA's special-purpose registry, RFC 6890 and its updates.
    private static func isPublic4(_ a: [UInt8]) -> Bool {
        switch (a[0], a[1], a[2]) {
        case (0, _, _), (10, _, _), (127, _, _), (224...255, _, _): false
        case (100, 64...127, _), (169, 254, _), (172, 16...31, _), (192, 168, _), (198, 18...19, _): false
        case (192, 0, 0), (192, 0, 2), (192, 88, 99), (198, 51, 100), (203, 0, 113): false
        default: true
        }
    }

    private static func isPublic6(_ a: [UInt8]) -> Bool {
        // An IPv4 address in another dress is judged as what it is: NAT64, 6to4. ::ffff:a.b.c.d is outside 2000::/3.
        if a[..<12].elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]) { return isPublic4(Array(a[12...])) }
        if a[..<12].elementsEqual([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]) { return isPublic4(Array(a[12...])) }
        if a[0] == 0x20, a[1] == 0x02 { return isPublic4(Array(a[2..<6])) }
        // Only 2000::/3 is given out for public use; in it, Teredo and others (2001::/23), documentation (2001:db8::/32,
        // 3fff::/20) are not.
        guard a[0] & 0xE0 == 0x20 else { return false }
        if a[0] == 0x20, a[1] == 0x01, a[2] & 0xFE == 0 { return false }
        if a[0] == 0x20, a[1] == 0x01, a[2] == 0x0D, a[3] == 0xB8 { return false }
        return !(a[0] == 0x3F && a[1] == 0xFF && a[2] & 0xF0 == 0)
    }
}
