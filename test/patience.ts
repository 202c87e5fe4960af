/**
 * How many times longer than usual tests wait before they give up: `CORACLE_TEST_PATIENCE=10` where the processor is emulated
 * (`test/cgroup-v2.sh`). What passes takes no longer for it.
 */
export const patience = Number(process.env['CORACLE_TEST_PATIENCE'] ?? 1);
