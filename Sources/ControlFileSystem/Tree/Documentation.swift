/// Texts that the tree shows about itself.
enum Documentation {
  /// Grows with every change of the tree that a reader of it could notice.
  static let schemaVersion = 1

  static let readme: StaticString = """
    Pindown: what the processes of this machine have registered for RDMA.

    processes/PID/                  a process that publishes; it vanishes with the process
      providers/NAME/cache/         one file per registration in the cache: its name is the range of
                                    addresses, its size the length, its time when it was registered
      providers/NAME/secured/       what is secured and pinned, with the page frames
      providers/NAME/limits/        write a number, or `max`, to change a limit
      providers/NAME/ctl            write a command; read it for the commands there are
      sockets/                      one file per socket
    providers/NAME/PID, nics/NAME/  the same by provider and by adapter
    events                          what happened; `tail -f events` follows
    summary.json, *.json            for programs; *.tsv has tabs
    last_error                      why your last write failed
    schema                          every path with its kind, mode, unit and meaning

      ls -l processes/*/providers/*/cache         what is cached, how large, since when
      grep callback events                        who was told that a mapping changes
      diff .../secured/RANGE/nic .../secured/RANGE/app   no output: the adapter and the
                                                  application have the same pages (root only)
      echo flush > processes/PID/providers/NAME/ctl
      rm processes/PID/providers/NAME/cache/RANGE  invalidates the registration

    A file is rendered when it is opened. Lines that begin with # are names of columns, and the
    generation from which the rest is. Addresses are hexadecimal, sizes in bytes, times in UTC.
    A process may be stopped: what it published is shown all the same; `consistent no` says that it
    was stopped, or very busy, in the middle of a change. Changes made by processes raise no inotify
    event; use poll(), or tail -f on events.

    """
}
