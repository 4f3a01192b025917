// Pindown
