/* Ways in which this provider can be compiled to break the rules, each with -D and the name: what
   `pindown conform` must find. The first thirteen are what one real provider did.

   PINDOWN_MUTANT_KEY_OUTLIVES_DEREGISTER  the peer reaches memory after WSPDeregisterRdmaMemory
   PINDOWN_MUTANT_WIDER_ACCESS             what was registered to be read can be written, and so on
   PINDOWN_MUTANT_NO_BOUNDS                the peer reaches all of the pages around a buffer
   PINDOWN_MUTANT_ANY_CONNECTION           a descriptor works on every connection of the process
   PINDOWN_MUTANT_PARTIAL_OVERLAP          the callback spares what is not wholly inside its range
   PINDOWN_MUTANT_ALWAYS_SUCCEEDS          the callback answers 0, whatever came of it
   PINDOWN_MUTANT_CRASH_AFTER_FLUSH        a handle whose region was invalidated is followed
   PINDOWN_MUTANT_NO_VALIDATION            unknown handles, and memory in use, are deregistered
   PINDOWN_MUTANT_DESCRIPTOR_LENGTH        the length of a descriptor is not stored, nor others taken
   PINDOWN_MUTANT_POINTER_ON_WIRE          a descriptor holds an address, which is followed
   PINDOWN_MUTANT_RESULT_ON_FAILURE        WSPGetOverlappedResult stores a count for what failed
   PINDOWN_MUTANT_UNCHECKED_QUERY          a refused start keeps its lock; sizes are not looked at
   PINDOWN_MUTANT_CACHE_OUTLIVES           what is cached survives the last connection

   PINDOWN_MUTANT_MALLOC_IN_CALLBACK       the callback allocates
   PINDOWN_MUTANT_UNPINS_EARLY             memory is unpinned while a transfer is inside
   PINDOWN_MUTANT_IDLE_CALLBACK            the callback answers 0 and does nothing
   PINDOWN_MUTANT_FORGETS_NIC              the callback leaves the second adapter as it is
   PINDOWN_MUTANT_COMPLETES_TWICE          an upcall is made twice
   PINDOWN_MUTANT_UPCALL_AFTER_CLOSE       requests end after WPUCloseSocketHandle */
#ifndef MUTANTS_H
#define MUTANTS_H
#endif
