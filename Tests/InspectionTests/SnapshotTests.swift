import Glibc
import Inspection
import Testing
import VirtualMemory

extension InspectionTests {
  @Test func whatIsPublishedIsReadBack() throws {
    let publication = try Publication.current()
    publication.update {
      let provider = publication.provider(2)
      publication.setName(provider.name, "memfd", capacity: ProviderRecord.nameBytes)
      provider.hits(0).store(3)
      provider.hits(5).store(4)
      provider.maximumBytes.store(.max)
      provider.state.store(1)
      let nic = publication.nic(1)
      publication.setName(nic.name, "mem1", capacity: NICRecord.nameBytes)
      nic.address.store(0x0a4d_0101)
      nic.state.store(1)
      let socket = publication.socket(4000)
      socket.remotePort.store(99)
      socket.state.store(SocketState.connected.rawValue)
    }
    let range = AddressRange(start: 0x10000, end: 0x14000)
    publication.putRegion(65535, range, generation: 9, references: 3)
    defer {
      publication.removeRegion(65535)
      publication.update {
        publication.provider(2).state.store(0)
        publication.nic(1).state.store(0)
        publication.socket(4000).state.store(0)
      }
    }

    let process = try PublishedProcess(pid: getpid())
    let snapshot = process.snapshot()
    #expect(snapshot.isConsistent)
    #expect(snapshot.generation == publication.header.updatesFinished.load())
    let provider = try #require(snapshot.providers.first { $0.index == 2 })
    #expect(provider.name == "memfd" && provider.hits == 7 && provider.maximumBytes == .max)
    let nic = try #require(snapshot.nics.first { $0.index == 1 })
    #expect(nic.name == "mem1" && nic.address == 0x0a4d_0101)
    let socket = try #require(snapshot.sockets.first { $0.index == 4000 })
    #expect(socket.state == .connected && socket.remotePort == 99)
    let region = try #require(snapshot.regions.first { $0.index == 65535 })
    #expect(region.range == range && region.generation == 9 && region.references == 3)
    #expect(region.access == .readWrite && region.isCached)
  }

  @Test func aReaderCostsTheProcessNoMemory() throws {
    let publication = try Publication.current()
    let process = try PublishedProcess(pid: getpid())
    func pages() -> Int {
      var status = stat()
      fstat(publication.descriptor, &status)
      return Int(status.st_blocks)
    }
    let before = pages()
    for _ in 0..<10 { _ = process.snapshot() }
    #expect(pages() == before)
  }

  @Test func anUpdateThatNeverEndsDoesNotHangTheReader() throws {
    let publication = try Publication.current()
    let process = try PublishedProcess(pid: getpid())
    let range = AddressRange(start: 0x20000, end: 0x21000)
    publication.putRegion(1, range, generation: 1)
    publication.header.updatesStarted.add(1)
    let during = process.snapshot()
    publication.header.updatesFinished.add(1)
    #expect(!during.isConsistent)
    #expect(during.regions.contains { $0.range == range })
    #expect(process.snapshot().isConsistent)
    publication.removeRegion(1)
  }

  @Test func recordsThatMakeNoSenseAreLeftOut() throws {
    let publication = try Publication.current()
    let process = try PublishedProcess(pid: getpid())
    publication.update {
      publication.region(2).start.store(0x9000)
      publication.region(2).end.store(0x1000)
      publication.region(2).word.store(UInt64(RegionState.live.rawValue) << 24)
      publication.region(3).word.store(UInt64(200) << 24)
      publication.socket(5).state.store(77)
    }
    let snapshot = process.snapshot()
    #expect(!snapshot.regions.contains { $0.index == 2 || $0.index == 3 })
    #expect(!snapshot.sockets.contains { $0.index == 5 })
    publication.removeRegion(2)
    publication.removeRegion(3)
    publication.update { publication.socket(5).state.store(0) }
  }

  @Test func framesThatRunInACircleEnd() throws {
    let publication = try Publication.current()
    let process = try PublishedProcess(pid: getpid())
    let pages = 100
    publication.frameChunk(7).next.store(8)
    for index in 0..<FrameChunk.framesPerChunk {
      publication.frameChunk(7).frame(index).store(UInt64(index + 1000))
    }
    publication.region(4).firstFrameChunk.store(8)
    publication.region(4).frameCount.store(UInt32(pages))
    publication.putRegion(
      4, AddressRange(start: 0x100000, length: UInt(pages) * Page.size)!, generation: 1)
    let region = try #require(process.snapshot().regions.first { $0.index == 4 })
    let frames = try #require(process.frames(of: region))
    #expect(frames.count == pages)
    #expect(frames[0] == 1000 && frames[FrameChunk.framesPerChunk] == 1000)
    // Registered anew since the snapshot: those frames are not of this region.
    publication.putRegion(4, region.range, generation: 2)
    #expect(process.frames(of: region) == nil)
    publication.removeRegion(4)
  }

  /// Two threads keep changing records whose words belong together; a reader copies meanwhile.
  private func tornCopies(checks: SnapshotChecks, seconds: UInt64) throws -> (
    torn: Int, copies: Int
  ) {
    let publication = try Publication.current()
    let process = try PublishedProcess(pid: getpid())
    let writers = [10, 11].map { index in
      var generation: UInt32 = 0
      return RepeatingThread {
        generation &+= 1
        // Dying first, as the protocol has it: only then are the other words changed.
        publication.update {
          publication.region(index).word.store(
            UInt64(generation) << 32 | UInt64(RegionState.dying.rawValue) << 24)
          publication.removeRegionWords(index)
        }
        let start = UInt(generation) << 12 | 0x1000_0000_0000
        publication.putRegion(
          index, AddressRange(start: start, end: start + 0x1000), generation: generation)
      }
    }
    var torn = 0
    var copies = 0
    let end = monotonic() + seconds * 1_000_000_000
    while monotonic() < end && !(checks == .none && torn > 0) {
      for region in process.snapshot(checks: checks).regions where region.state == .live {
        guard region.index == 10 || region.index == 11 else { continue }
        copies += 1
        let isWhole =
          region.range.length == 0x1000
          && region.range.start == UInt(region.generation) << 12 | 0x1000_0000_0000
        if !isWhole { torn += 1 }
      }
    }
    for writer in writers { writer.stop() }
    publication.removeRegion(10)
    publication.removeRegion(11)
    return (torn, copies)
  }

  @Test func noReaderSeesATornRecord() throws {
    let result = try tornCopies(checks: .all, seconds: 1)
    #expect(result.copies > 0)
    #expect(result.torn == 0)
  }

  @Test func withoutTheChecksAReaderSeesTornRecords() throws {
    let result = try tornCopies(checks: .none, seconds: 20)
    #expect(result.torn > 0)
  }

  private func monotonic() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

extension Publication {
  /// What a cache leaves of a region that is dying.
  fileprivate func removeRegionWords(_ index: Int) {
    region(index).start.storeRelaxed(0x7000)
    region(index).end.storeRelaxed(0x7001)
  }
}
