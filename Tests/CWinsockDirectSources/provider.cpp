#include "ws2san.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "CWinsockDirectSources.h"

#pragma clang diagnostic ignored "-Wmissing-field-initializers"
#include "body.h"

unsigned CWinsockDirectSources_guid_in_cpp(int index) { return guid(index); }

int CWinsockDirectSources_calls_in_cpp(void) { return calls(); }
