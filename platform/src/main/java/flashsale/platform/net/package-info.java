/** What programs of this machine listen on. */
package flashsale.platform.net;
