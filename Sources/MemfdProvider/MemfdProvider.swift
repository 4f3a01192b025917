// MemfdProvider
