/** What processes share that may be lost at any time. */
package flashsale.platform.caching;
