/** The roles' doors over HTTP: the same interfaces, for roles that are in another process. */
package flashsale.doors;
