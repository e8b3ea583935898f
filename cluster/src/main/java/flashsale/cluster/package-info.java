/**
 * The separate services on one machine, as real processes: nginx, Redis, RabbitMQ, PostgreSQL and
 * each role.
 */
package flashsale.cluster;
