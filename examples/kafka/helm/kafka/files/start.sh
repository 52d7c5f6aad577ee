#!/bin/sh
# Starts a node: writes its part of the configuration, formats its storage the first time, runs Kafka.
# The node's id is its Pod's ordinal. The first CONTROLLERS nodes are controllers as well as brokers, all others brokers only.
set -eu
: "${CONFIG_DIR:=/etc/kafka-node}" "${DATA_DIR:=/var/lib/kafka}" "${RUN_DIR:=/tmp}" "${KAFKA_LIBS:=/opt/kafka/libs}"
: "${LISTEN:=}" "${BROKER_PORT:=9092}" "${CONTROLLER_PORT:=9093}"
: "${NODE_ID:=${POD_NAME##*-}}"

roles=broker
listeners=BROKER://$LISTEN:$BROKER_PORT
advertised=BROKER://$HOST:$BROKER_PORT
format=--no-initial-controllers
if [ "$NODE_ID" -lt "$CONTROLLERS" ]; then
  roles=broker,controller
  listeners=$listeners,CONTROLLER://$LISTEN:$CONTROLLER_PORT
  advertised=$advertised,CONTROLLER://$HOST:$CONTROLLER_PORT
  format="--initial-controllers $INITIAL_CONTROLLERS"
fi

properties=$RUN_DIR/server.properties
cat "$CONFIG_DIR/server.properties" - > "$properties" <<EOF
node.id=$NODE_ID
process.roles=$roles
controller.quorum.bootstrap.servers=$CONTROLLER_ADDRESSES
listeners=$listeners
advertised.listeners=$advertised
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs=$DATA_DIR/log
EOF

run() { # the main class and its arguments
  # shellcheck disable=SC2086 # several options
  exec java $JVM_OPTIONS -Dlog4j2.configurationFile="$CONFIG_DIR/log4j2.properties" -cp "$KAFKA_LIBS/*" "$@"
}

if [ ! -f "$DATA_DIR/log/meta.properties" ]; then
  # shellcheck disable=SC2086 # an option and its value
  (run kafka.tools.StorageTool format --cluster-id "$CLUSTER_ID" --config "$properties" $format)
fi
run kafka.Kafka "$properties"
