// MemfdNIC
