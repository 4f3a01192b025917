/* The service provider interface of Windows Sockets Direct, as one module for Swift. */
#ifndef CWINSOCKDIRECT_H
#define CWINSOCKDIRECT_H

#include "winsock2.h"
#include "ws2san.h"
#include "ws2spi.h"

#endif
