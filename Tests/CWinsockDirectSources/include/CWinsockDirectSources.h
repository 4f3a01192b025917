/* The headers of the SPI as C11 and as C++17 see them. */
#ifndef CWINSOCKDIRECTSOURCES_H
#define CWINSOCKDIRECTSOURCES_H

#ifdef __cplusplus
extern "C" {
#endif

/* Data1 of the GUID of extension function `index`, in the order of ws2san.h; 0 for no such one. */
unsigned CWinsockDirectSources_guid_in_c(int index);
unsigned CWinsockDirectSources_guid_in_cpp(int index);

/* Whether a provider's table with one function in it calls that function with what it was given. */
int CWinsockDirectSources_calls_in_c(void);
int CWinsockDirectSources_calls_in_cpp(void);

/* Runs `body` in a child process and returns its exit status: what `body` returned. */
int CWinsockDirectSources_in_child(int (*body)(void));

#ifdef __cplusplus
}
#endif

#endif
