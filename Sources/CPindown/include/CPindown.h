#ifndef CPINDOWN_H
#define CPINDOWN_H

#endif
