// RegistrationCache
