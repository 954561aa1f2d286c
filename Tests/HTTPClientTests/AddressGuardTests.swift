import Testing

@testable import HTTPClient

@Suite(.timeLimit(.minutes(1))) struct AddressGuardTests {
    private let guarded = AddressGuard.publicOnly

    @Test func `special IPv4 ranges are refused up to their edges`() {
        let refused: [[UInt8]] = [
            [0, 0, 0, 0], [10, 0, 0, 1], [100, 64, 0, 0], [100, 127, 255, 255], [127, 0, 0, 1], [169, 254, 169, 254],
            [172, 16, 0, 1], [172, 31, 255, 255], [192, 0, 0, 1], [192, 168, 1, 1], [198, 18, 0, 1],
            [198, 19, 255, 255],
            [224, 0, 0, 1], [240, 0, 0, 1], [255, 255, 255, 255], [203, 0, 113, 9],
        ]
        let allowed: [[UInt8]] = [
            [1, 1, 1, 1], [9, 255, 255, 255], [11, 0, 0, 0], [100, 63, 255, 255], [100, 128, 0, 0], [169, 253, 0, 1],
            [172, 15, 255, 255], [172, 32, 0, 0], [192, 167, 0, 1], [198, 17, 0, 1], [198, 20, 0, 0],
            [223, 255, 255, 255],
        ]
        for address in refused { #expect(!guarded.allows(address), "\(address)") }
        for address in allowed { #expect(guarded.allows(address), "\(address)") }
    }

    @Test func `IPv6 is refused outside the public range, and where it hides IPv4`() {
        func six(_ start: [UInt8], _ end: [UInt8] = []) -> [UInt8] {
            start + Array(repeating: 0, count: 16 - start.count - end.count) + end
        }
        let refused = [
            six([]), six([], [1]), six([0xFE, 0x80], [1]), six([0xFC]), six([0xFD, 1]), six([0xFF, 2], [1]),
            six([0x20, 0x01, 0x0D, 0xB8]), six([0x20, 0x01, 0, 0]), six([0x20, 0x02, 10, 0, 0, 1]),
            six([0x3F, 0xFF, 0x0F]),
            six([], [0xFF, 0xFF, 127, 0, 0, 1]), six([0, 0x64, 0xFF, 0x9B], [192, 168, 0, 1]),
        ]
        let allowed = [
            six([0x20, 0x01, 0x48, 0x60], [0x88, 0x88]), six([0x2A, 0]), six([0x20, 0x02, 8, 8, 8, 8]),
            six([], [0xFF, 0xFF, 8, 8, 8, 8]), six([0, 0x64, 0xFF, 0x9B], [8, 8, 8, 8]),
        ]
        for address in refused { #expect(!guarded.allows(address), "\(address)") }
        for address in allowed { #expect(guarded.allows(address), "\(address)") }
        #expect(!guarded.allows([]) && AddressGuard.any.allows([127, 0, 0, 1]))
    }
}
