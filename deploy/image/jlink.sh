#!/bin/sh
# Makes a Java of only the modules that the flash sale needs.
#
#   jlink.sh JDK TARGET
#
# The modules are what jdeps finds the program and its libraries to use. java.desktop is not among them:
# some libraries name its classes in parts that nothing here uses, and it is a third of all. A test runs
# the shop on just this list.
set -eu
modules=java.base,java.logging,java.management,java.naming,java.net.http,java.security.jgss
modules=$modules,java.security.sasl,java.sql,java.transaction.xa,java.xml,jdk.management,jdk.unsupported

exec "$1/bin/jlink" --add-modules "$modules" --output "$2" \
  --strip-java-debug-attributes --no-header-files --no-man-pages --compress=zip-6 --generate-cds-archive
