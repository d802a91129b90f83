#include "tidelog/protocol/describe_cluster.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_cluster_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_cluster_response);
