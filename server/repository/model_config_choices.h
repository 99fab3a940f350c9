// How the enums of siskin.v1.ModelConfig and those of models/ correspond. Part of model_config.h.
#ifndef SISKIN_SERVER_REPOSITORY_MODEL_CONFIG_CHOICES_H_
#define SISKIN_SERVER_REPOSITORY_MODEL_CONFIG_CHOICES_H_

#include <utility>

#include "models/input_contract.h"
#include "ops/net.h"
#include "server/batching/queue_settings.h"
#include "siskin/v1/model_config.pb.h"

namespace siskin::repository {

inline constexpr std::pair<v1::Padding, ops::PaddingRule> kPaddings[] = {
    {v1::PADDING_SYMMETRIC, ops::PaddingRule::kSymmetric},
    {v1::PADDING_TF_SAME, ops::PaddingRule::kTfSame}};
inline constexpr std::pair<v1::ResizeRule, models::ResizeRule> kResizeRules[] = {
    {v1::RESIZE_RULE_SHORT_SIDE_THEN_CROP, models::ResizeRule::kShortSideThenCrop},
    {v1::RESIZE_RULE_CROP_FRACTION, models::ResizeRule::kCropFraction},
    {v1::RESIZE_RULE_STRETCH, models::ResizeRule::kStretch},
    {v1::RESIZE_RULE_LETTERBOX, models::ResizeRule::kLetterbox}};
inline constexpr std::pair<v1::Interpolation, models::Interpolation> kInterpolations[] = {
    {v1::INTERPOLATION_BILINEAR, models::Interpolation::kBilinear},
    {v1::INTERPOLATION_BICUBIC, models::Interpolation::kBicubic}};
inline constexpr std::pair<v1::ColorOrder, models::ColorOrder> kColorOrders[] = {
    {v1::COLOR_ORDER_RGB, models::ColorOrder::kRgb},
    {v1::COLOR_ORDER_BGR, models::ColorOrder::kBgr}};

inline constexpr std::pair<v1::BatchPolicy, batching::BatchPolicy> kBatchPolicies[] = {
    {v1::BATCH_POLICY_AUTO, batching::BatchPolicy::kAuto},
    {v1::BATCH_POLICY_FIXED, batching::BatchPolicy::kFixed}};

}  // namespace siskin::repository

#endif  // SISKIN_SERVER_REPOSITORY_MODEL_CONFIG_CHOICES_H_
