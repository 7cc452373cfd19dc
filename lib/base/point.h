/* point.h - named points at which tests let a worker die; nothing in a build without SLUICE_TEST_POINTS.
 *
 * The environment variable SLUICE_KILL_AT=NAME:N kills the process with SIGKILL at the Nth passing of that point,
 * SLUICE_STOP_AT=NAME:N suspends it with SIGSTOP. Points stand where a crash, or a worker that goes on too late, leaves
 * the delivery in a state of its own; tests/chaos passes most of them, tests/integration the others.
 */
#ifndef SLUICE_BASE_POINT_H
#define SLUICE_BASE_POINT_H

#ifdef SLUICE_TEST_POINTS
void sluice_point(const char *name);
#define SLUICE_POINT(name) sluice_point(name)
#else
#define SLUICE_POINT(name) ((void)0)
#endif

#endif
