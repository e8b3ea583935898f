/** How often somebody may ask. */
package flashsale.platform.ratelimit;
