/// A piece of local memory in a transfer.
struct Segment {
  let memory: Int
  let offset: Int
  let length: Int
  let handle: Int
}
