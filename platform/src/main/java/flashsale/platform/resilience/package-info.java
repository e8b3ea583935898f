/** What Helidon's fault tolerance needs besides. */
package flashsale.platform.resilience;
