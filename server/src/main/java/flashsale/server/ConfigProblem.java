package flashsale.server;

/**
 * One thing that is wrong with the configuration.
 *
 * @param where the file and line, the variable or the flag
 * @param what the thing itself, why it cannot work, and what was probably meant
 */
record ConfigProblem(String where, String what) {}
