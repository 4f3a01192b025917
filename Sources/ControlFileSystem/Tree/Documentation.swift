/// Texts that the tree shows about itself.
enum Documentation {
  /// Grows with every change of the tree that a reader of it could notice.
  static let schemaVersion = 1

  static let readme: StaticString = """
    Pindown: what the processes of this machine have registered for RDMA.

    A region is a range of whole pages that is secured (its owner hears of a change of the mapping
    before it happens) and pinned (locked to its physical pages). A registration is an adapter's
    entry for a region; it is cached while nobody uses it. With no process that uses Pindown,
    processes/ is empty.

    processes/PID/                  a process that publishes; it vanishes with the process
      command, monitors, stats      what it is, what watches its mappings, what it may do
      providers/NAME/cache/         one file per registration, used or cached: its name is the
                                    range of addresses, its size the length, its time when it was
                                    registered
      providers/NAME/secured/       one folder per region, with its page frames
      providers/NAME/limits/        write a number (64k, 1g) or `max` to change a limit
      providers/NAME/ctl            write a command; read it for the commands there are
      sockets/                      one file per socket: its peer, what is registered on it
    providers/NAME/PID, nics/NAME/  the same by provider and by adapter
    events                          what happened; `tail -f events` follows
    summary.json, *.json            for programs
    last_error                      why your last write failed
    schema                          every path with its kind, mode, unit and meaning

    To try, with numbers and names of your own for PID, NAME and RANGE:

      ls -l processes/*/providers/*/cache          what is cached, how large, since when
      grep callback events                         who was told that a mapping changes
      jq '.processes[].pid' summary.json           who publishes
      cd processes/PID/providers/NAME
      column -t cache.tsv                          the registrations as a table
      diff secured/RANGE/nic secured/RANGE/app     no output: the adapter and the application have
                                                   the same pages (root only)
      echo flush > ctl                             drops what is cached and not used
      rm cache/RANGE                               invalidates a registration

    A file is rendered once, when it is opened. In tables the first line, after a #, names the
    columns, and the last one says from which generation (count of changes) they are; columns are
    separated by blanks, in *.tsv by tabs, and new ones come at the end. Other files have lines of
    a key and its value. `-` stands for nothing, addresses are hexadecimal, sizes are in bytes and
    times in UTC. Page frames are `unknown` where the process that registered lacks CAP_SYS_ADMIN.
    A process may be stopped: what it published is shown all the same; `consistent no` says that it
    was stopped, or very busy, in the middle of a change. Processes of other users are shown to root
    only. Changes made by processes raise no inotify event; use poll(), or tail -f on events.

    """
}
