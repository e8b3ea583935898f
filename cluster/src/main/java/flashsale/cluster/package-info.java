/**
 * The separate services on one machine, as real processes: nginx, RabbitMQ, PostgreSQL and each
 * role.
 */
package flashsale.cluster;
