/* An init that only prints a line and ends the machine: the least that a boot can be. */

#include <sys/reboot.h>
#include <unistd.h>

int main(void)
{
    static const char line[] = LINE "\n";
    /* The kernel has opened the console for us. Nobody could be told that it cannot be written to. */
    if (write(STDOUT_FILENO, line, sizeof line - 1) < 0)
        return 1;
    /* The console's line has to be out before the machine is off. */
    sleep(1);
    return reboot(RB_POWER_OFF);
}
