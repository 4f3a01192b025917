import Inspection

/// What a monitoring tool polls.
enum SummaryFile {
  static let summary = NodeDeclaration.file(
    "summary.json", .json, unit: "bytes", "Totals of every process, provider and adapter."
  ) { context throws(ControlError) in
    let processes = context.processes()
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", "pindown.summary/\(Documentation.schemaVersion)")
      writer.member("generation", context.system.generation(of: processes))
      writer.array("processes") { writer in
        for process in processes { write(context.snapshot(of: process), to: &writer) }
      }
    }
    return writer.finish()
  }

  private static func write(_ process: ProcessSnapshot, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("pid", process.identity.pid)
      writer.member("generation", process.generation)
      writer.member("consistent", process.isConsistent)
      writer.member("events", process.eventCount)
      writer.member("mapping_changes", process.mappingChanges)
      writer.member("callbacks", process.callbacks)
      writer.member("callback_failures", process.callbackFailures)
      writer.member("secured_regions", process.securedRegions)
      writer.member("secured_bytes", process.securedBytes)
      writer.array("providers") { writer in
        for provider in process.providers {
          writer.object { ProviderFiles.write(provider, of: process, to: &$0) }
        }
      }
      writer.array("nics") { writer in
        for nic in process.nics {
          writer.object { NICFiles.write(nic, of: process, to: &$0) }
        }
      }
      writer.member("sockets", process.sockets.count)
    }
  }
}
