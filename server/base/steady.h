/* steady - UTC for what must go on evenly: recordings, lectures, how sound and picture belong together. It is the machine's clock as it was when it was first asked,
 * and goes on with the monotonic one: a clock that is set an hour back neither tears a recording nor makes it run slow. Any thread. */
#ifndef YL_SERVER_BASE_STEADY_H
#define YL_SERVER_BASE_STEADY_H

#include <stdint.h>

int64_t steady_utc_us(void);
void steady_follow(void); /* to the machine's clock as it is now: when nothing is going on that it would tear */
#endif
