import Kernel
import Synchronization
import Testing

@Suite struct UUIDTests {
    @Test func `version 7 carries time, version and variant`() throws {
        let id = UUID.version7(at: Timestamp(microseconds: 1_772_357_400_125_500), random: (0, .max))
        #expect(id.high >> 16 == 1_772_357_400_125)
        #expect(Array(id.description)[14] == "7")
        #expect("89ab".contains(Array(id.description)[19]))
        #expect(UUID(id.description) == id)
    }

    @Test func `ids sort in the order of their time`() {
        let ids = (0..<2000)
            .map {
                UUID.version7(at: Timestamp(microseconds: Int64($0) * 1000), random: (0, UInt64.random(in: 0 ... .max)))
            }
        #expect(ids == ids.sorted())
        #expect(ids.map(\.description) == ids.map(\.description).sorted())
    }

    @Test func `a bound lies between the ids before a time and those from it on`() {
        let time = Timestamp(microseconds: 1_772_357_400_125_000)
        let before = Timestamp(microseconds: time.microseconds - 1)
        #expect(UUID.version7(at: before, random: (.max, .max)) < UUID.bound(at: time))
        #expect(UUID.bound(at: time) < UUID.version7(at: time, random: (0, 0)))
    }

    @Test(arguments: [
        "", "019ca8ba", "019ca8ba-0000-7000-8000-00000000000", "019ca8ba-0000-7000-8000-0000000000000",
        "019ca8ba 0000-7000-8000-000000000000", "{19ca8ba-0000-7000-8000-000000000000",
        "g19ca8ba-0000-7000-8000-000000000000",
    ])
    func `refuses other text`(text: String) { #expect(UUID(text) == nil) }

    @Test func `bytes are in network order`() throws {
        let id = try #require(UUID("00010203-0405-0607-0809-0a0b0c0d0e0f"))
        #expect(id.bytes == Array(0..<16))
    }
}

@Suite struct IdentifierSourceTests {
    @Test func `ids of one source sort as they were made, even when the clock stands still or goes back`() {
        let step = Atomic<Int64>(0)
        // Forward by a microsecond, not at all, and back by a second.
        let clock = WallClock {
            let number = step.add(1, ordering: .relaxed).newValue
            return Timestamp(microseconds: 1_772_357_400_000_000 + number / 7 - (number % 100 == 0 ? 1_000_000 : 0))
        }
        let ids = IdentifierSource(clock: clock)
        let made = (0..<10_000).map { _ in ids.uuid() }
        #expect(made == made.sorted())
        #expect(Set(made).count == made.count)
    }
}
