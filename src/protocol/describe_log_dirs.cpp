#include "tidelog/protocol/describe_log_dirs.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_log_dirs_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_log_dirs_response);
