#ifndef CFUSE_SHIM_H
#define CFUSE_SHIM_H

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 312
#endif
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

/* Some of libfuse's functions are macros, and which ones changes from release to release. These
   have the names that Swift uses. */

static inline struct fuse_session *CFuse_session_new(struct fuse_args *args,
                                                     const struct fuse_lowlevel_ops *operations,
                                                     void *user_data) {
    return fuse_session_new(args, operations, sizeof *operations, user_data);
}

/* Serves with several threads until the session is over; 0, a signal's number, or negative. */
static inline int CFuse_session_loop(struct fuse_session *session, unsigned int idle_threads,
                                     unsigned int threads) {
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (config == NULL) {
        return -1;
    }
    fuse_loop_cfg_set_idle_threads(config, idle_threads);
    fuse_loop_cfg_set_max_threads(config, threads);
    int result = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    return result;
}

/* Every message of libfuse goes to `log` (with the line as it is), none to standard error. */
typedef void (*CFuse_log)(const char *line);

static inline CFuse_log *CFuse_log_target(void) {
    static CFuse_log target;
    return &target;
}

static inline void CFuse_log_line(enum fuse_log_level level, const char *format, va_list list) {
    char line[512];
    (void)level;
    vsnprintf(line, sizeof line, format, list);
    (*CFuse_log_target())(line);
}

static inline void CFuse_set_log(CFuse_log target) {
    *CFuse_log_target() = target;
    fuse_set_log_func(CFuse_log_line);
}

#endif
