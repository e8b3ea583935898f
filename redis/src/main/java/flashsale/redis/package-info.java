/** What processes share through Redis, which never decides anything. */
package flashsale.redis;
